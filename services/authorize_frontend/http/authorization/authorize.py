"""The authorization endpoint (RFC 6749 3.1), and the path that resumes a request after each page."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from latchkey.token.v1.authorization_pb2 import AuthorizeRequest, ResumeAuthorizationRequest
from libs.servicekit.http.addresses import remote_address
from services.authorize_frontend.http.authorization.responses import respond
from services.authorize_frontend.http.shared.edge import RETRY, Edge
from services.authorize_frontend.http.shared.parameters import Parameters, messages, of_form, of_query

_MAX_RETRY_LINK = 4096


@dataclass(frozen=True, kw_only=True)
class Authorize:
    """With a session and consent, a request takes one call to authentication and one to token."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path("/authorize"), self.by_get, allow_head=False),
            web.post(path("/authorize"), self.by_post),
            web.get(path("/authorize/resume"), self.resume, allow_head=False),
        ]

    async def by_get(self, request: web.Request) -> web.Response:
        return await self._authorize(request, of_query(request), defer=False)

    async def by_post(self, request: web.Request) -> web.Response:
        """Takes a client's form (OpenID Connect Core 3.1.2.1), so there is no CSRF token and no Origin check.

        A browser sends no Lax cookies with a cross-site POST. Without cookies the request is only stored, and processed
        when the browser follows with GET and its cookies.
        """
        parameters = await of_form(request)
        query = urlencode(parameters, quote_via=quote, safe="")
        request[RETRY] = self.edge.site.path("/authorize") + f"?{query}" if len(query) <= _MAX_RETRY_LINK else ""
        has_no_cookies = self.edge.cookies.browser(request) is None and self.edge.cookies.session(request) is None
        return await self._authorize(request, parameters, defer=has_no_cookies)

    async def resume(self, request: web.Request) -> web.Response:
        """Processes the stored request again, with the session that the browser has now."""
        pending = self.edge.pending(request)
        session = await self.edge.session(request)
        message = ResumeAuthorizationRequest(request_id=pending.request_id, browser_secret=pending.browser_secret)
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        decision = await self.edge.backends.authorization.ResumeAuthorization(message)
        return respond(self.edge, request, decision, after_form=True, ended=self._ended(request, session))

    def _ended(self, request: web.Request, session: GetSessionResponse) -> bool:
        """Returns whether the browser has the cookie of a session that has ended."""
        return self.edge.cookies.session(request) is not None and not session.HasField("attested")

    async def _authorize(self, request: web.Request, parameters: Parameters, *, defer: bool) -> web.Response:
        browser_secret = self.edge.cookies.browser_or_new(request)
        message = AuthorizeRequest(
            parameters=messages(parameters),
            browser_secret=browser_secret,
            defer=defer,
            remote_address=remote_address(request, self.edge.trusted_proxies),
        )
        session = await self.edge.session(request)
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        decision = await self.edge.backends.authorization.Authorize(message)
        response = respond(self.edge, request, decision, after_form=False, ended=self._ended(request, session))
        if decision.HasField("interaction"):
            self.edge.cookies.keep_browser(request, response, browser_secret)
        return response

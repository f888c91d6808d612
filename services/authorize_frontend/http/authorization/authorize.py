"""The authorization endpoint (RFC 6749 3.1) and the way back to it after each step of the person."""

from urllib.parse import quote, urlencode

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from latchkey.token.v1.authorization_pb2 import AuthorizeRequest, ResumeAuthorizationRequest
from libs.servicekit.http.addresses import remote_address
from services.authorize_frontend.http.authorization.responses import answer
from services.authorize_frontend.http.shared.edge import RETRY, Edge
from services.authorize_frontend.http.shared.parameters import Parameters, messages, of_form, of_query

_LONGEST_RETRY_LINK = 4096


class Authorize:
    """With a session and consent: one call to authentication, one to token, and the browser is on its way back."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path("/authorize"), self.by_get, allow_head=False),
            web.post(path("/authorize"), self.by_post),
            web.get(path("/authorize/resume"), self.resume, allow_head=False),
        ]

    async def by_get(self, request: web.Request) -> web.Response:
        return await self._authorize(request, of_query(request), defer=False)

    async def by_post(self, request: web.Request) -> web.Response:
        """No CSRF token and no Origin check: this form is the client's, on the client's page (OIDC Core 3.1.2.1).

        A browser sends no Lax cookies with another site's post. When none came, nothing is known of the browser, so the
        request is only stored, and looked at when the browser comes back with GET and with its cookies.
        """
        parameters = await of_form(request)
        query = urlencode(parameters, quote_via=quote, safe="")
        request[RETRY] = self._edge.site.path("/authorize") + f"?{query}" if len(query) <= _LONGEST_RETRY_LINK else ""
        has_no_cookies = self._edge.cookies.browser(request) is None and self._edge.cookies.session(request) is None
        return await self._authorize(request, parameters, defer=has_no_cookies)

    async def resume(self, request: web.Request) -> web.Response:
        """Judges the stored request again; a session that has come since is seen here."""
        pending = self._edge.pending(request)
        session = await self._edge.session(request)
        message = ResumeAuthorizationRequest(request_id=pending.request_id, browser_secret=pending.browser_secret)
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        decision = await self._edge.backends.authorization.ResumeAuthorization(message)
        return answer(self._edge, request, decision, ended=self._ended(request, session))

    def _ended(self, request: web.Request, session: GetSessionResponse) -> bool:
        """The browser names a session that is no more."""
        return self._edge.cookies.session(request) is not None and not session.HasField("attested")

    async def _authorize(self, request: web.Request, parameters: Parameters, *, defer: bool) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        message = AuthorizeRequest(
            parameters=messages(parameters),
            browser_secret=browser_secret,
            defer=defer,
            remote_address=remote_address(request, self._edge.trusted_proxies),
        )
        session = await self._edge.session(request)
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        decision = await self._edge.backends.authorization.Authorize(message)
        response = answer(self._edge, request, decision, ended=self._ended(request, session))
        if decision.HasField("interaction"):
            self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

"""Logout that a client starts (OpenID Connect RP-Initiated Logout 1.0), or the person alone."""

from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import EndSessionRequest, GetSessionResponse
from latchkey.token.v1.authorization_pb2 import CheckLogoutRequest, CheckLogoutResponse
from libs.crypto.strict import base64url, base64url_decode
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.authorization.responses import see_client, visitable
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, messages, of_form, of_query, only, parse
from services.authorize_frontend.http.shared.policy import exact_source, redirect_sources

_PURPOSE = "logout"
_LONGEST_QUERY = 6 * 1024
FRAMES_SECONDS = 2
"""How long the clients' frames have before the browser goes on."""


class Logout:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path("/logout"), self.by_get, allow_head=False),
            web.post(path("/logout"), self.by_post),
            web.post(path("/logout/confirm"), self.confirm),
        ]

    async def by_get(self, request: web.Request) -> web.Response:
        """Ends the session at once where nobody else can have asked for it; otherwise asks the person."""
        session = await self._edge.session(request)
        check = await self._check(of_query(request), session)
        if session.HasField("session") and not check.confirmed:
            return self._question(request, check, session)
        return await self._end(request, check, session)

    async def by_post(self, request: web.Request) -> web.Response:
        """A client's form (section 2): asked again by GET, since its cross-site post brings no Lax cookies."""
        query = urlencode(await of_form(request), quote_via=quote, safe="")
        if len(query) > _LONGEST_QUERY:
            raise InvalidRequest("The logout request is too long.", reason=Reason.LOGOUT_TOO_LONG, redirectable=False)
        return see_other(self._edge.site.path("/logout") + (f"?{query}" if query else ""))

    async def confirm(self, request: web.Request) -> web.Response:
        """The person's answer. What the client asked for is judged again."""
        form = await of_form(request)
        asked = only(form, "request")
        request[RETRY] = self._edge.site.path("/logout")
        self._edge.prove(request, form, purpose=_PURPOSE, subject=asked)
        if only(form, "choice") != "logout":
            return see_other(self._edge.site.path("/"))
        query = _query(asked)
        request[RETRY] = self._edge.site.path("/logout") + (f"?{query}" if query else "")
        session = await self._edge.session(request)
        return await self._end(request, await self._check(parse(query), session), session)

    async def _check(self, parameters: Parameters, session: GetSessionResponse) -> CheckLogoutResponse:
        message = CheckLogoutRequest(parameters=messages(parameters))
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        return await self._edge.backends.authorization.CheckLogout(message)

    def _question(self, request: web.Request, check: CheckLogoutResponse, session: GetSessionResponse) -> web.Response:
        """The confirmation page. The client's request rides in one base64url field: no line break or quote of a `state`
        meets HTML's form rules, and the CSRF token covers every byte of it.
        """
        asked = base64url(request.rel_url.raw_query_string.encode())
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            "logout",
            form_action=("'self'", *(redirect_sources(check.redirect_uri) if check.redirect_uri else ())),
            client_name=check.client_name,
            returns_to=urlsplit(check.redirect_uri).netloc,
            person=session.display_name or session.username,
            username=session.username,
            asked=asked,
            csrf=self._edge.form_token(request, purpose=_PURPOSE, subject=asked, browser_secret=browser_secret),
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

    async def _end(self, request: web.Request, check: CheckLogoutResponse, session: GetSessionResponse) -> web.Response:
        secret = self._edge.cookies.session(request)
        if secret is not None and session.HasField("session"):
            await self._edge.backends.sessions.EndSession(
                EndSessionRequest(session_secret=secret, context=self._edge.context(request))
            )
        if check.frontchannel_logout_uris and session.HasField("session"):
            response = self._signed_out(check)
        elif check.redirect_uri:
            response = see_client(check.redirect_uri)
        elif request.method == "POST":
            # The same page by GET, so that reloading it posts nothing.
            response = see_other(self._edge.site.path("/logout"))
        else:
            response = self._signed_out(check)
        self._edge.cookies.forget(response)
        return response

    def _signed_out(self, check: CheckLogoutResponse) -> web.Response:
        """The last page. It loads what the clients want the browser to load (OpenID Connect Front-Channel Logout 1.0,
        3), and goes on to where the client wanted: by itself after a moment, without JavaScript.

        It answers a POST as well: what to load is known now, and to no other request.
        """
        frames = [visitable(uri) for uri in check.frontchannel_logout_uris]
        return self._edge.pages.page(
            "signed_out",
            frames=tuple(dict.fromkeys(source for uri in frames for source in exact_source(uri))),
            frame_urls=frames,
            returns_to=visitable(check.redirect_uri) if check.redirect_uri else "",
            seconds=FRAMES_SECONDS,
            client_name=check.client_name,
        )


def _query(asked: str) -> str:
    """The query that the question was about. Raises: InvalidRequest."""
    try:
        return base64url_decode(asked).decode()
    except ValueError:
        raise InvalidRequest("The logout form is broken.", reason=Reason.LOGOUT_FORM, redirectable=False) from None

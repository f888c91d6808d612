"""The end session endpoint (OpenID Connect RP-Initiated Logout 1.0), for clients and for the user."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import EndSessionRequest, GetSessionResponse
from latchkey.token.v1.authorization_pb2 import CheckLogoutRequest, CheckLogoutResponse
from libs.crypto.strict import base64url, base64url_decode
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.authorization.responses import leave, require_safe, see_client
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import (
    Parameters,
    messages,
    of_form,
    of_query,
    parse,
    single_value,
)
from services.authorize_frontend.http.shared.policy import exact_source, form_targets

_PURPOSE = "logout"
_MAX_QUERY = 6 * 1024
FRAMES_SECONDS = 2
"""Time for the clients' front-channel logout frames before the browser is redirected."""


@dataclass(frozen=True, kw_only=True)
class Logout:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path("/logout"), self.by_get, allow_head=False),
            web.post(path("/logout"), self.by_post),
            web.post(path("/logout/confirm"), self.confirm),
        ]

    async def by_get(self, request: web.Request) -> web.Response:
        """Ends the session if the id_token_hint proves the request; otherwise shows the confirmation page."""
        session = await self.edge.session(request)
        check = await self._check(of_query(request), session)
        if session.HasField("session") and not check.confirmed:
            return self._question(request, check, session)
        return await self._end(request, check, session)

    async def by_post(self, request: web.Request) -> web.Response:
        """Redirects a client's form (section 2) to GET, since a cross-site POST has no Lax cookies."""
        query = urlencode(await of_form(request), quote_via=quote, safe="")
        if len(query) > _MAX_QUERY:
            raise InvalidRequest(
                f"The logout request is longer than {_MAX_QUERY} bytes.",
                reason=Reason.LOGOUT_TOO_LONG,
                redirectable=False,
            )
        return see_other(self.edge.site.path("/logout") + (f"?{query}" if query else ""))

    async def confirm(self, request: web.Request) -> web.Response:
        """Takes the user's decision. The client's request is checked again."""
        form = await of_form(request)
        asked = single_value(form, "request")
        request[RETRY] = self.edge.site.path("/logout")
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=asked)
        if single_value(form, "choice") != "logout":
            return see_other(self.edge.site.path("/"))
        query = _query(asked)
        request[RETRY] = self.edge.site.path("/logout") + (f"?{query}" if query else "")
        session = await self.edge.session(request)
        return await self._end(request, await self._check(parse(query), session), session)

    async def _check(self, parameters: Parameters, session: GetSessionResponse) -> CheckLogoutResponse:
        message = CheckLogoutRequest(parameters=messages(parameters))
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        return await self.edge.backends.authorization.CheckLogout(message)

    def _question(self, request: web.Request, check: CheckLogoutResponse, session: GetSessionResponse) -> web.Response:
        """The confirmation page. Its form carries the client's request as base64url: form encoding would change line
        breaks in `state`, and the CSRF token covers the whole request.
        """
        asked = base64url(request.rel_url.raw_query_string.encode())
        return self.edge.form_page(
            request,
            "logout",
            purpose=_PURPOSE,
            subject=asked,
            targets=form_targets(request, check.redirect_uri) if check.redirect_uri else (),
            client_name=check.client_name,
            client_checked=not check.self_registered,
            returns_to=urlsplit(check.redirect_uri).netloc,
            display_name=session.display_name or session.username,
            username=session.username,
            asked=asked,
        )

    async def _end(self, request: web.Request, check: CheckLogoutResponse, session: GetSessionResponse) -> web.Response:
        secret = self.edge.cookies.session(request)
        if secret is not None and session.HasField("session"):
            await self.edge.backends.sessions.EndSession(
                EndSessionRequest(session_secret=secret, context=self.edge.context(request))
            )
        if check.frontchannel_logout_uris and session.HasField("session"):
            response = self._signed_out(check)
        elif check.redirect_uri:
            to = check.redirect_uri
            response = leave(self.edge, request, to) if request.method == "POST" else see_client(to)
        elif request.method == "POST":
            # Redirect to GET, so that a reload does not post again.
            response = see_other(self.edge.site.path("/logout"))
        else:
            response = self._signed_out(check)
        self.edge.cookies.delete_all(response)
        return response

    def _signed_out(self, check: CheckLogoutResponse) -> web.Response:
        """The last page. It loads the clients' front-channel logout URIs (OpenID Connect Front-Channel Logout 1.0, 3),
        and redirects to the post_logout_redirect_uri after FRAMES_SECONDS, without JavaScript.

        It is also the direct response to a POST: only this request has the URIs.
        """
        frames = [require_safe(uri) for uri in check.frontchannel_logout_uris]
        return self.edge.pages.page(
            "signed_out",
            frames=tuple(dict.fromkeys(source for uri in frames for source in exact_source(uri))),
            frame_urls=frames,
            returns_to=require_safe(check.redirect_uri) if check.redirect_uri else "",
            seconds=FRAMES_SECONDS,
            client_name=check.client_name,
        )


def _query(asked: str) -> str:
    """Returns the query of the client's request. Raises: InvalidRequest: the field is not base64url."""
    try:
        return base64url_decode(asked).decode()
    except ValueError:
        raise InvalidRequest(
            "request is not base64url-encoded UTF-8.", reason=Reason.LOGOUT_FORM, redirectable=False
        ) from None

"""Signing in to connect a device.

Nobody sent the person here, so there is no authorization request to go back to: the form carries the typed code, comes
back to the page for codes, and can lead nowhere else.
"""

from datetime import UTC

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.oauth.device_authorization import FRESH_SIGN_IN
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, of_query, only
from services.authorize_frontend.http.shared.return_target import Onward
from services.authorize_frontend.http.shared.user_codes import typed_code
from services.authorize_frontend.http.sign_in.passkeys import passkey_offer
from services.authorize_frontend.http.sign_in.passwords import Tried, arrived, try_password
from services.authorize_frontend.http.sign_in.second_step import go_on

_PURPOSE = "device-sign-in"
_PATH = "/device/sign-in"


def is_fresh(edge: Edge, session: GetSessionResponse) -> bool:
    """Has this person just signed in? The services behind judge it again, by what authentication vouches for."""
    if not session.HasField("session"):
        return False
    return edge.clock.now() - session.session.authenticated_at.ToDatetime(tzinfo=UTC) <= FRESH_SIGN_IN


def sign_in_first(edge: Edge, user_code: str) -> web.Response:
    return see_other(_path(edge, _PATH, user_code))


class DeviceSignIn:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self._edge.session(request)
        return await self._page(request, typed_code(of_query(request)), arrived(request, session.username))

    async def submit(self, request: web.Request) -> web.Response:
        """Signs in and goes on to the page for codes, or shows the page again."""
        form = await of_form(request)
        user_code = typed_code(form)
        request[RETRY] = _path(self._edge, "/device", user_code)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=user_code)
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/"))
        tried = await try_password(self._edge, request, form, context=self._edge.context(request))
        if tried.problem:
            return await self._page(request, user_code, tried)
        return go_on(self._edge, tried, Onward("user_code", user_code))

    async def _page(self, request: web.Request, user_code: str, tried: Tried) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(request, purpose=_PURPOSE, subject=user_code, browser_secret=browser_secret)
        onward = Onward("user_code", user_code)
        passkey = await passkey_offer(self._edge, request, onward, browser_secret=browser_secret)
        response = self._edge.pages.page(
            "sign_in",
            scripts=passkey is not None,
            passkey=passkey,
            form_action=("'self'",),
            client=None,
            to="device",
            action=self._edge.site.path(_PATH),
            hidden={"user_code": user_code, "csrf": token},
            tried=tried,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


def _path(edge: Edge, path: str, user_code: str) -> str:
    return edge.site.path(path, **({"user_code": user_code} if user_code else {}))

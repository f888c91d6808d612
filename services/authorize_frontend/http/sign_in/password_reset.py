"""Choosing another password with the link from a letter."""

from aiohttp import web

from latchkey.authentication.v1.password_resets_pb2 import GetPasswordResetRequest, ResetPasswordRequest
from libs.languages.speaking import say
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.new_password import why_not
from services.authorize_frontend.http.shared.parameters import is_opaque, of_form, of_query, only

_PURPOSE = "password-reset"
_PATH = "/password/reset"


class PasswordReset:
    """Opening the link changes nothing and uses nothing up: programs that read mail open links as well."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path("/password/reset/done"), self.done, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, only(of_query(request), "token"), "")

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        token, new = only(form, "token"), only(form, "new_password")
        request[RETRY] = self._edge.site.path("/password/forgotten")
        self._edge.prove(request, form, purpose=_PURPOSE, subject=token)
        if not new:
            return await self._page(request, token, say("Please enter a new password."))
        message = ResetPasswordRequest(token=token, new_password=new, context=self._edge.context(request))
        try:
            await self._edge.backends.password_resets.ResetPassword(message)
        except InvalidRequest as error:
            return await self._page(request, token, why_not(error))
        return see_other(self._edge.site.path("/password/reset/done"))

    async def done(self, request: web.Request) -> web.Response:
        return self._edge.pages.page("password_reset_done")

    async def _page(self, request: web.Request, token: str, problem: str) -> web.Response:
        request[RETRY] = self._edge.site.path("/password/forgotten")
        if not is_opaque(token):
            raise InvalidRequest("This link does not work any more.", reason=Reason.LINK_UNKNOWN, redirectable=False)
        found = await self._edge.backends.password_resets.GetPasswordReset(GetPasswordResetRequest(token=token))
        browser_secret = self._edge.cookies.browser_or_new(request)
        csrf = self._edge.form_token(request, purpose=_PURPOSE, subject=token, browser_secret=browser_secret)
        response = self._edge.pages.page(
            "password_reset",
            form_action=("'self'",),
            person=found.display_name,
            username=found.username,
            hidden={"token": token, "csrf": csrf},
            problem=problem,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

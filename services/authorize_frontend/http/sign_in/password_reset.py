"""The page behind the link in a password reset email."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.password_resets_pb2 import GetPasswordResetRequest, ResetPasswordRequest
from libs.languages.translation import translate
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.email_links import require_link_token
from services.authorize_frontend.http.shared.new_password import PASSWORD_PROBLEMS
from services.authorize_frontend.http.shared.parameters import of_form, of_query, single_value
from services.authorize_frontend.http.shared.refusals import Refusals

_PURPOSE = "password-reset"
_PATH, _DONE_PATH = "/password/reset", "/password/reset/done"
_REFUSALS: Final = Refusals(rpc="ResetPassword", shown=PASSWORD_PROBLEMS, passed_on=frozenset({Reason.LINK_UNKNOWN}))


@dataclass(frozen=True, kw_only=True)
class PasswordReset:
    """Opening the link changes nothing and does not use it, since mail scanners open links as well."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path(_DONE_PATH), self.done, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, single_value(of_query(request), "token"), "")

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        token, new = single_value(form, "token"), single_value(form, "new_password")
        request[RETRY] = self.edge.site.path("/password/forgotten")
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=token)
        if not new:
            return await self._page(request, token, translate("Please enter a new password."))
        message = ResetPasswordRequest(token=token, new_password=new, context=self.edge.context(request))
        try:
            await self.edge.backends.password_resets.ResetPassword(message)
        except InvalidRequest as error:
            return await self._page(request, token, translate(_REFUSALS.shown_for(error)))
        return see_other(self.edge.site.path(_DONE_PATH))

    async def done(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("password_reset_done")

    async def _page(self, request: web.Request, token: str, problem: str) -> web.Response:
        request[RETRY] = self.edge.site.path("/password/forgotten")
        message = GetPasswordResetRequest(token=require_link_token(token))
        found = await self.edge.backends.password_resets.GetPasswordReset(message)
        return self.edge.form_page(
            request,
            "password_reset",
            purpose=_PURPOSE,
            subject=token,
            hidden={"token": token},
            display_name=found.display_name,
            username=found.username,
            problem=problem,
        )

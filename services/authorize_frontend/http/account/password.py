"""The page on which a signed-in user changes the password."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import ChangePasswordRequest
from libs.languages.moments import wait_in_words
from libs.languages.translation import mark, translate
from libs.oauth.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.new_password import PASSWORD_PROBLEMS
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, single_value
from services.authorize_frontend.http.shared.refusals import Refusals

_PURPOSE, _PATH = "account-password", "/account/password"
_REFUSALS: Final = Refusals(
    rpc="ChangePassword",
    shown={
        **PASSWORD_PROBLEMS,
        Reason.WRONG_CREDENTIALS: mark("Current password is incorrect."),
        Reason.SIGN_IN_THROTTLED: mark("Too many failed attempts. Please try again in %(wait)s."),
    },
    passed_on=frozenset({Reason.SESSION_MISSING}),
)


@dataclass(frozen=True, kw_only=True)
class AccountPassword:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, "")

    async def submit(self, request: web.Request) -> web.Response:
        """Changes the password. The current password is required however recent the sign-in is: a session in an open
        browser does not prove that its owner uses it.
        """
        form = await of_form(request)
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject="")
        if single_value(form, "choice") == "cancel":
            return see_other(self.edge.site.path("/account"))
        problem = await self._problem(request, form)
        if problem:
            return await self._page(request, problem)
        return see_other(self.edge.site.path("/account", note="password-changed"))

    async def _problem(self, request: web.Request, form: Parameters) -> str:
        """Changes the password; returns a translated message if that failed, else an empty string."""
        current, new = single_value(form, "current_password"), single_value(form, "new_password")
        if not current or not new:
            return translate("Please enter your current password and a new password.")
        message = ChangePasswordRequest(
            session_secret=self.edge.cookies.session(request) or "",
            current_password=current,
            new_password=new,
            context=self.edge.context(request),
        )
        try:
            await self.edge.backends.sessions.ChangePassword(message)
        except (AccessDenied, InvalidRequest, TemporarilyUnavailable) as error:
            return translate(_REFUSALS.shown_for(error), wait=wait_in_words(error.retry_after or 1))
        return ""

    async def _page(self, request: web.Request, problem: str) -> web.Response:
        session = await self.edge.session(request)
        if not session.HasField("session"):
            return see_other(self.edge.site.path("/account/sign-in"))
        return self.edge.form_page(
            request,
            "account_password",
            purpose=_PURPOSE,
            display_name=session.display_name or session.username,
            username=session.username,
            problem=problem,
        )

"""Changing one's own password."""

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import ChangePasswordRequest
from libs.languages.moments import wait_in_words
from libs.languages.speaking import say
from libs.oauth.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.new_password import why_not
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, only

_PURPOSE = "account-password"


class AccountPassword:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path("/account/password")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, "")

    async def submit(self, request: web.Request) -> web.Response:
        """The present password is asked for, however fresh the session: an open browser is not its owner."""
        form = await of_form(request)
        request[RETRY] = self._edge.site.path("/account/password")
        self._edge.prove(request, form, purpose=_PURPOSE, subject="")
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/account"))
        problem = await self._problem(request, form)
        if problem:
            return await self._page(request, problem)
        return see_other(self._edge.site.path("/account", note="password-changed"))

    async def _problem(self, request: web.Request, form: Parameters) -> str:
        """What keeps the password from being changed, in words; nothing when it was."""
        current, new = only(form, "current_password"), only(form, "new_password")
        if not current or not new:
            return say("Please enter your current password and a new password.")
        message = ChangePasswordRequest(
            session_secret=self._edge.cookies.session(request) or "",
            current_password=current,
            new_password=new,
            context=self._edge.context(request),
        )
        try:
            await self._edge.backends.sessions.ChangePassword(message)
        except AccessDenied as error:
            if error.reason != Reason.WRONG_CREDENTIALS:
                raise
            return say("Current password is incorrect.")
        except InvalidRequest as error:
            return why_not(error)
        except TemporarilyUnavailable as error:
            if error.reason != Reason.SIGN_IN_THROTTLED:
                raise
            wait = wait_in_words(error.retry_after or 1)
            return say("Too many failed attempts. Please try again in %(wait)s.", wait=wait)
        return ""

    async def _page(self, request: web.Request, problem: str) -> web.Response:
        session = await self._edge.session(request)
        if not session.HasField("session"):
            return see_other(self._edge.site.path("/account/sign-in"))
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            "account_password",
            form_action=("'self'",),
            person=session.display_name or session.username,
            username=session.username,
            problem=problem,
            csrf=self._edge.form_token(request, purpose=_PURPOSE, subject="", browser_secret=browser_secret),
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

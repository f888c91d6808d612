"""Asking for a letter with a link, for who has forgotten their password."""

from aiohttp import web

from latchkey.authentication.v1.password_resets_pb2 import RequestPasswordResetRequest
from libs.languages.moments import wait_in_words
from libs.languages.speaking import current
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import is_opaque, of_form, of_query, only

_PURPOSE = "password-forgotten"
_PATH = "/password/forgotten"


class PasswordForgotten:
    """Says the same to everybody: whether anybody has the name is told to their mailbox alone."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path("/password/forgotten/sent"), self.sent, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return self._page(request, pending=_pending(only(of_query(request), "request")))

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        pending = _pending(only(form, "request"))
        request[RETRY] = self._edge.site.path(_PATH)
        self._edge.prove(request, form, purpose=_PURPOSE, subject="")
        if only(form, "choice") == "cancel":
            return see_other(self._back(pending))
        identifier = only(form, "identifier").strip()
        if not identifier:
            return self._page(request, pending=pending, problem="incomplete")
        message = RequestPasswordResetRequest(
            identifier=identifier, locale=current().tag, context=self._edge.context(request)
        )
        try:
            await self._edge.backends.password_resets.RequestPasswordReset(message)
        except TemporarilyUnavailable as error:
            if error.reason != Reason.LETTERS_THROTTLED:
                raise
            wait = wait_in_words(error.retry_after or 1)
            return self._page(request, pending=pending, identifier=identifier, problem="too-many", wait=wait)
        return see_other(self._edge.site.path("/password/forgotten/sent", **_carried(pending)))

    async def sent(self, request: web.Request) -> web.Response:
        pending = _pending(only(of_query(request), "request"))
        again = self._edge.site.path(_PATH, **_carried(pending))
        return self._edge.pages.page("password_sent", back=self._back(pending), again=again)

    def _back(self, pending: str) -> str:
        """To the sign-in that the person came from; to their own page when there was none."""
        path = self._edge.site.path
        return path("/sign-in", request=pending) if pending else path("/account/sign-in")

    def _page(
        self, request: web.Request, *, pending: str, identifier: str = "", problem: str = "", wait: str = ""
    ) -> web.Response:
        if self._edge.offers.mail is False:
            raise web.HTTPNotFound
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            "password_forgotten",
            form_action=("'self'",),
            hidden={
                **_carried(pending),
                "csrf": self._edge.form_token(request, purpose=_PURPOSE, subject="", browser_secret=browser_secret),
            },
            identifier=identifier,
            problem=problem,
            wait=wait,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


def _pending(unverified: str) -> str:
    """The sign-in to come back to. It is only a way back: that page judges it."""
    return unverified if is_opaque(unverified) else ""


def _carried(pending: str) -> dict[str, str]:
    return {"request": pending} if pending else {}

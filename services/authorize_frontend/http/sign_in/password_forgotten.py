"""The page that sends an email with a link to reset the password."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.password_resets_pb2 import RequestPasswordResetRequest
from libs.languages.translation import current, translate
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.email_links import SENDING_PROBLEMS, sending_problem
from services.authorize_frontend.http.shared.parameters import is_opaque, of_form, of_query, single_value
from services.authorize_frontend.http.shared.refusals import Refusals

_PURPOSE = "password-forgotten"
_PATH, _SENT_PATH = "/password/forgotten", "/password/forgotten/sent"
_SENDING: Final = Refusals(
    rpc="RequestPasswordReset",
    shown={Reason.LETTERS_THROTTLED: SENDING_PROBLEMS[Reason.LETTERS_THROTTLED]},
    passed_on=frozenset({Reason.NO_MAIL}),
)


@dataclass(frozen=True, kw_only=True)
class PasswordForgotten:
    """The response is the same for every name: only an email to the user shows that the account exists."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path(_SENT_PATH), self.sent, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return self._page(request, pending=_pending(single_value(of_query(request), "request")))

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        pending = _pending(single_value(form, "request"))
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject="")
        if single_value(form, "choice") == "cancel":
            return see_other(self._back(pending))
        identifier = single_value(form, "identifier").strip()
        if not identifier:
            problem = translate("Please enter your username or email address.")
            return self._page(request, pending=pending, problem=problem)
        message = RequestPasswordResetRequest(
            identifier=identifier, locale=current().tag, context=self.edge.context(request)
        )
        try:
            await self.edge.backends.password_resets.RequestPasswordReset(message)
        except TemporarilyUnavailable as error:
            problem = sending_problem(_SENDING, error)
            return self._page(request, pending=pending, identifier=identifier, problem=problem)
        return see_other(self.edge.site.path(_SENT_PATH, **_carried(pending)))

    async def sent(self, request: web.Request) -> web.Response:
        pending = _pending(single_value(of_query(request), "request"))
        again = self.edge.site.path(_PATH, **_carried(pending))
        return self.edge.pages.page("password_sent", back=self._back(pending), again=again)

    def _back(self, pending: str) -> str:
        """Returns the sign-in page of the pending request, or that of the account if there is none."""
        path = self.edge.site.path
        return path("/sign-in", request=pending) if pending else path("/account/sign-in")

    def _page(self, request: web.Request, *, pending: str, identifier: str = "", problem: str = "") -> web.Response:
        if self.edge.capabilities.mail is False:
            raise web.HTTPNotFound
        return self.edge.form_page(
            request,
            "password_forgotten",
            purpose=_PURPOSE,
            hidden=_carried(pending),
            identifier=identifier,
            problem=problem,
        )


def _pending(unverified: str) -> str:
    """Returns the id of the pending request to return to. Only the sign-in page verifies it."""
    return unverified if is_opaque(unverified) else ""


def _carried(pending: str) -> dict[str, str]:
    return {"request": pending} if pending else {}

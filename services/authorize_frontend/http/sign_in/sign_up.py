"""Self-service sign-up: first the email address, then name and password with the link in the email."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.sign_ups_pb2 import CompleteSignUpRequest, GetSignUpRequest, RequestSignUpRequest
from libs.languages.translation import current, mark, translate
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.email_links import SENDING_PROBLEMS, require_link_token, sending_problem
from services.authorize_frontend.http.shared.new_password import PASSWORD_PROBLEMS
from services.authorize_frontend.http.shared.parameters import of_form, of_query, single_value
from services.authorize_frontend.http.shared.refusals import Refusals

_PURPOSE, _COMPLETE_PURPOSE = "sign-up", "sign-up-complete"
_PATH, _SENT_PATH, _COMPLETE_PATH, _DONE_PATH = "/sign-up", "/sign-up/sent", "/sign-up/complete", "/sign-up/done"
_SENDING: Final = Refusals(rpc="RequestSignUp", shown=SENDING_PROBLEMS, passed_on=frozenset({Reason.SIGN_UP_CLOSED}))
_COMPLETING: Final = Refusals(
    rpc="CompleteSignUp",
    shown={**PASSWORD_PROBLEMS, Reason.CLAIM_MALFORMED: mark("Please enter a valid name.")},
    passed_on=frozenset({Reason.LINK_UNKNOWN}),
)


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """The response is the same for every address: only an email to the address says whether it has an account."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path(_SENT_PATH), self.sent, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return self._page(request)

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject="")
        if single_value(form, "choice") == "cancel":
            return see_other(self.edge.site.path("/account/sign-in"))
        address = single_value(form, "address").strip()
        if not address:
            return self._page(request, problem=translate("Please enter an email address."))
        message = RequestSignUpRequest(address=address, locale=current().tag, context=self.edge.context(request))
        try:
            await self.edge.backends.sign_ups.RequestSignUp(message)
        except (InvalidRequest, TemporarilyUnavailable) as error:
            return self._page(request, address=address, problem=sending_problem(_SENDING, error))
        return see_other(self.edge.site.path(_SENT_PATH))

    async def sent(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("sign_up_sent")

    def _page(self, request: web.Request, *, address: str = "", problem: str = "") -> web.Response:
        if self.edge.capabilities.sign_up is False:
            raise web.HTTPNotFound
        return self.edge.form_page(request, "sign_up", purpose=_PURPOSE, address=address, problem=problem)


@dataclass(frozen=True, kw_only=True)
class CompleteSignUp:
    """The page behind the link in the email. Opening it changes nothing and does not use the link."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path(_COMPLETE_PATH), self.show, allow_head=False),
            web.post(path(_COMPLETE_PATH), self.submit),
            web.get(path(_DONE_PATH), self.done, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, single_value(of_query(request), "token"))

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        token, name = single_value(form, "token"), single_value(form, "name")
        password = single_value(form, "new_password")
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_COMPLETE_PURPOSE, subject=token)
        if not password:
            return await self._page(request, token, name=name, problem=translate("Please enter a new password."))
        try:
            message = CompleteSignUpRequest(token=token, password=password, name=name)
            await self.edge.backends.sign_ups.CompleteSignUp(message)
        except InvalidRequest as error:
            return await self._page(request, token, name=name, problem=translate(_COMPLETING.shown_for(error)))
        return see_other(self.edge.site.path(_DONE_PATH))

    async def done(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("sign_up_done")

    async def _page(self, request: web.Request, token: str, *, name: str = "", problem: str = "") -> web.Response:
        request[RETRY] = self.edge.site.path(_PATH)
        message = GetSignUpRequest(token=require_link_token(token))
        found = await self.edge.backends.sign_ups.GetSignUp(message)
        return self.edge.form_page(
            request,
            "sign_up_complete",
            purpose=_COMPLETE_PURPOSE,
            subject=token,
            hidden={"token": token},
            address=found.address,
            full_name=name,
            problem=problem,
        )

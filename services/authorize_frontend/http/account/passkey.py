"""The page that adds a passkey."""

from typing import ClassVar

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import AddPasskeyRequest, StartPasskeyRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.languages.translation import mark
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.account.enrolment import PASSKEY, SESSION_REFUSALS, Enrolment, EnrolmentPage
from services.authorize_frontend.http.shared.edge import see_other
from services.authorize_frontend.http.shared.parameters import Parameters, single_value
from services.authorize_frontend.http.shared.refusals import Refusals
from services.authorize_frontend.http.sign_in.passkeys import PasskeyForm


class AccountPasskey(EnrolmentPage):
    path: ClassVar[str] = PASSKEY
    purpose: ClassVar[str] = "account-passkey"
    refusals: ClassVar[Refusals] = Refusals(
        rpc="AddPasskey",
        shown={
            Reason.WRONG_PROOF: mark("Your passkey could not be added. Please try again."),
            Reason.PASSKEY_TAKEN: mark("This passkey is already registered."),
            Reason.FACTOR_NAME: mark("Please enter a shorter name."),
            Reason.FACTORS_TOO_MANY: mark("You have reached the limit. Remove one first."),
        },
        passed_on=SESSION_REFUSALS,
    )

    async def add(self, request: web.Request, form: Parameters) -> str:
        message = AddPasskeyRequest(
            session_secret=self.edge.cookies.session(request) or "",
            passkey=single_value(form, "credential"),
            name=single_value(form, "name"),
            context=self.edge.context(request),
        )
        return (await self.edge.backends.factors.AddPasskey(message)).session_secret

    async def render(
        self, request: web.Request, enrolment: Enrolment, session: GetSessionResponse, problem: str
    ) -> web.Response:
        message = StartPasskeyRequest(session_secret=self.edge.cookies.session(request) or "")
        started = await self.edge.backends.factors.StartPasskey(message)
        if not started.options:
            return see_other(enrolment.cancelled(self.edge))
        browser_secret = self.edge.cookies.browser_or_new(request)
        subject = enrolment.request_id
        token = self.edge.form_token(request, purpose=self.purpose, subject=subject, browser_secret=browser_secret)
        hidden = {**enrolment.parameters, "csrf": token}
        return self.edge.form_page(
            request,
            "account_passkey",
            purpose=self.purpose,
            subject=subject,
            browser_secret=browser_secret,
            scripts=True,
            display_name=session.display_name or session.username,
            username=session.username,
            problem=problem,
            passkey=PasskeyForm(self.edge.site.path(PASSKEY), started.options, hidden),
            back=enrolment.cancelled(self.edge),
        )

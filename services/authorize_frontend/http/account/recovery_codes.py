"""The page that makes recovery codes and shows them once."""

from dataclasses import dataclass

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import (
    CreateRecoveryCodesRequest,
    ListFactorsRequest,
    ListFactorsResponse,
)
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from services.authorize_frontend.http.account.enrolment import RECOVERY_CODES, Enrolment
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, of_query
from services.authorize_frontend.http.shared.recent_sign_in import recent_session
from services.authorize_frontend.http.shared.return_target import ACCOUNT

_PURPOSE = "account-recovery-codes"


@dataclass(frozen=True, kw_only=True)
class AccountRecoveryCodes:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(RECOVERY_CODES)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.create)]

    async def show(self, request: web.Request) -> web.Response:
        """Shows how many codes are unused, and a button for new ones."""
        enrolment = Enrolment.of(of_query(request))
        session = await recent_session(self.edge, request)
        if session is None:
            return enrolment.sign_in_first(self.edge, RECOVERY_CODES)
        own = await self.edge.backends.factors.ListFactors(
            ListFactorsRequest(session_secret=self.edge.cookies.session(request) or "")
        )
        if not own.factors:
            return see_other(self.edge.site.path(ACCOUNT))
        return self._page(request, enrolment, session, own=own, codes=())

    async def create(self, request: web.Request) -> web.Response:
        """Responds to the form with the new codes: there is no URL that shows them a second time."""
        form = await of_form(request)
        enrolment = Enrolment.of(form)
        request[RETRY] = self.edge.site.path(RECOVERY_CODES, **enrolment.parameters)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=enrolment.request_id)
        session = await recent_session(self.edge, request)
        if session is None:
            return enrolment.sign_in_first(self.edge, RECOVERY_CODES)
        created = await self.edge.backends.factors.CreateRecoveryCodes(
            CreateRecoveryCodesRequest(session_secret=self.edge.cookies.session(request) or "")
        )
        return self._page(request, enrolment, session, own=ListFactorsResponse(), codes=tuple(created.codes))

    def _page(
        self,
        request: web.Request,
        enrolment: Enrolment,
        session: GetSessionResponse,
        *,
        own: ListFactorsResponse,
        codes: tuple[str, ...],
    ) -> web.Response:
        return self.edge.form_page(
            request,
            "account_recovery_codes",
            purpose=_PURPOSE,
            subject=enrolment.request_id,
            hidden=enrolment.parameters,
            display_name=session.display_name or session.username,
            username=session.username,
            codes=codes,
            left=own.recovery_codes_left,
            done=enrolment.completed(self.edge),
        )

"""Recovery codes: shown once, for paper."""

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import (
    CreateRecoveryCodesRequest,
    ListFactorsRequest,
    ListFactorsResponse,
)
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from services.authorize_frontend.http.account.factor_pages import RECOVERY_CODES, Errand, recent_session
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, of_query
from services.authorize_frontend.http.shared.return_target import ACCOUNT

_PURPOSE = "account-recovery-codes"


class AccountRecoveryCodes:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(RECOVERY_CODES)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.create)]

    async def show(self, request: web.Request) -> web.Response:
        """Offers new codes, and says how many there are."""
        errand = Errand.of(of_query(request))
        session = await recent_session(self._edge, request)
        if session is None:
            return errand.sign_in_first(self._edge, RECOVERY_CODES)
        own = await self._edge.backends.factors.ListFactors(
            ListFactorsRequest(session_secret=self._edge.cookies.session(request) or "")
        )
        if not own.factors:
            return see_other(self._edge.site.path(ACCOUNT))
        return self._page(request, errand, session, own=own, codes=())

    async def create(self, request: web.Request) -> web.Response:
        """The codes themselves are the answer to the form: no address leads to them a second time."""
        form = await of_form(request)
        errand = Errand.of(form)
        request[RETRY] = self._edge.site.path(RECOVERY_CODES, **errand.parameters)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=errand.request_id)
        session = await recent_session(self._edge, request)
        if session is None:
            return errand.sign_in_first(self._edge, RECOVERY_CODES)
        made = await self._edge.backends.factors.CreateRecoveryCodes(
            CreateRecoveryCodesRequest(session_secret=self._edge.cookies.session(request) or "")
        )
        return self._page(request, errand, session, own=ListFactorsResponse(), codes=tuple(made.codes))

    def _page(
        self,
        request: web.Request,
        errand: Errand,
        session: GetSessionResponse,
        *,
        own: ListFactorsResponse,
        codes: tuple[str, ...],
    ) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=errand.request_id, browser_secret=browser_secret
        )
        response = self._edge.pages.page(
            "account_recovery_codes",
            form_action=("'self'",),
            person=session.display_name or session.username,
            username=session.username,
            codes=codes,
            left=own.recovery_codes_left,
            done=errand.done(self._edge),
            to_client=bool(errand.request_id),
            hidden={**errand.parameters, "csrf": token},
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

"""Pages that add a second factor: access, the first proof of the factor, and the page after it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import ListFactorsRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.languages.translation import translate
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, of_form, of_query, single_value
from services.authorize_frontend.http.shared.recent_sign_in import recent_session, redirect_to_sign_in
from services.authorize_frontend.http.shared.refusals import Refusals
from services.authorize_frontend.http.shared.return_target import ACCOUNT

AUTHENTICATOR = "/account/authenticator"
PASSKEY = "/account/passkey"
RECOVERY_CODES = "/account/recovery-codes"
SESSION_REFUSALS: Final = frozenset({Reason.SESSION_MISSING, Reason.REAUTHENTICATION_REQUIRED})


@dataclass(frozen=True)
class Enrolment:
    """What the user returns to after adding a factor: a pending authorization request, or the account."""

    request_id: str = ""
    """Id of the pending request; empty if there is none."""

    @classmethod
    def of(cls, parameters: Parameters) -> "Enrolment":
        request_id = single_value(parameters, "request")
        return cls(request_id if is_opaque(request_id) else "")

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that carry it to the next page."""
        return {"request": self.request_id} if self.request_id else {}

    def completed(self, edge: Edge) -> str:
        """Path after the last page."""
        if self.request_id:
            return edge.site.path("/authorize/resume", request=self.request_id)
        return edge.site.path(ACCOUNT)

    def cancelled(self, edge: Edge) -> str:
        if self.request_id:
            return edge.site.path("/step-up", request=self.request_id)
        return edge.site.path(ACCOUNT)

    def sign_in_first(self, edge: Edge, page: str) -> web.Response:
        """Redirects to the sign-in page, which leads back to `page`."""
        if self.request_id:
            return see_other(edge.site.path("/sign-in", request=self.request_id))
        return redirect_to_sign_in(edge, to=page)


@dataclass(frozen=True, kw_only=True)
class EnrolmentPage(ABC):
    """A page that adds one kind of factor."""

    edge: Edge
    path: ClassVar[str]
    purpose: ClassVar[str]
    refusals: ClassVar[Refusals]
    """Of the RPC that `add` calls."""

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(self.path)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, Enrolment.of(of_query(request)), "")

    async def submit(self, request: web.Request) -> web.Response:
        """Adds the factor if its first proof is correct, or shows the page again."""
        form = await of_form(request)
        enrolment = Enrolment.of(form)
        request[RETRY] = self.edge.site.path(self.path, **enrolment.parameters)
        self.edge.verify_form(request, form, purpose=self.purpose, subject=enrolment.request_id)
        if single_value(form, "choice") == "cancel":
            return see_other(enrolment.cancelled(self.edge))
        try:
            session_secret = await self.add(request, form)
        except (AccessDenied, InvalidRequest) as error:
            return await self._page(request, enrolment, translate(self.refusals.shown_for(error)))
        return await _after_adding(self.edge, enrolment, session_secret)

    async def _page(self, request: web.Request, enrolment: Enrolment, problem: str) -> web.Response:
        session = await recent_session(self.edge, request)
        if session is None:
            return enrolment.sign_in_first(self.edge, self.path)
        return await self.render(request, enrolment, session, problem)

    @abstractmethod
    async def add(self, request: web.Request, form: Parameters) -> str:
        """Adds the factor and returns the new secret of the session. Raises: AccessDenied, InvalidRequest."""

    @abstractmethod
    async def render(
        self, request: web.Request, enrolment: Enrolment, session: GetSessionResponse, problem: str
    ) -> web.Response:
        """Renders the page with a new challenge; `problem` is a translated message or empty."""


async def _after_adding(edge: Edge, enrolment: Enrolment, session_secret: str) -> web.Response:
    """Sets the new session secret. A user without recovery codes gets the page for them next."""
    own = await edge.backends.factors.ListFactors(ListFactorsRequest(session_secret=session_secret))
    has_codes = own.recovery_codes_left > 0
    response = see_other(
        enrolment.completed(edge) if has_codes else edge.site.path(RECOVERY_CODES, **enrolment.parameters)
    )
    edge.cookies.set_session(response, session_secret)
    return response

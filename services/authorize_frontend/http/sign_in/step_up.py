"""An application asks for more than the person has shown: a second factor, or first of all one to show."""

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import StartStepUpRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from latchkey.token.v1.authorization_pb2 import DECISION_DENY, DecideAuthorizationRequest, GetInteractionResponse
from services.authorize_frontend.http.authorization.responses import answer
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import Edge, PendingRequest, see_other
from services.authorize_frontend.http.shared.policy import redirect_sources
from services.authorize_frontend.http.shared.return_target import Onward
from services.authorize_frontend.http.sign_in.second_step import to_second_step

_PURPOSE = "step-up"


class StepUp:
    """Nothing is decided here: whoever comes back without having shown more is sent here again."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path("/step-up")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.cancel)]

    async def show(self, request: web.Request) -> web.Response:
        """To the second step; who has no second factor is asked to add one, after a recent sign-in."""
        pending = self._edge.pending(request)
        session = await self._edge.session(request)
        secret = self._edge.cookies.session(request)
        if secret is None or not session.HasField("session"):
            return see_other(self._edge.site.path("/authorize/resume", request=pending.request_id))
        begun = await self._edge.backends.proofs.StartStepUp(StartStepUpRequest(session_secret=secret))
        if begun.attempt_secret:
            return to_second_step(self._edge, begun.attempt_secret, Onward.to_request(pending.request_id))
        if not session.signed_in_recently:
            return see_other(self._edge.site.path("/sign-in", request=pending.request_id))
        return self._page(request, pending, await self._edge.interaction(pending), session)

    async def cancel(self, request: web.Request) -> web.Response:
        """Tells the application that the person would not."""
        _, pending = await self._edge.posted(request, purpose=_PURPOSE)
        decision = DecideAuthorizationRequest(
            request_id=pending.request_id, browser_secret=pending.browser_secret, decision=DECISION_DENY
        )
        return answer(self._edge, request, await self._edge.backends.authorization.DecideAuthorization(decision))

    def _page(
        self,
        request: web.Request,
        pending: PendingRequest,
        interaction: GetInteractionResponse,
        session: GetSessionResponse,
    ) -> web.Response:
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=pending.request_id, browser_secret=pending.browser_secret
        )
        return self._edge.pages.page(
            "step_up",
            form_action=("'self'", *redirect_sources(interaction.redirect_origin)),
            client=ClientOnPage.of(interaction, self._edge.site),
            person=session.display_name or session.username,
            username=session.username,
            request_id=pending.request_id,
            csrf=token,
        )

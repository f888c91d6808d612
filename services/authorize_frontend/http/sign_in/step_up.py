"""Step-up: a client requests a higher acr than the session has, so the user presents or adds a second factor."""

from dataclasses import dataclass

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import StartStepUpRequest
from services.authorize_frontend.http.authorization.responses import deny
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.policy import form_targets
from services.authorize_frontend.http.shared.return_target import ReturnTarget
from services.authorize_frontend.http.sign_in.second_step import redirect_to_second_step

_PURPOSE = "step-up"


@dataclass(frozen=True, kw_only=True)
class StepUp:
    """The token service checks the acr when the request resumes, and sends the browser here again if it is too low."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path("/step-up")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.cancel)]

    async def show(self, request: web.Request) -> web.Response:
        """Redirects to the second step. A user without a second factor is asked to add one, after a recent sign-in."""
        pending = self.edge.pending(request)
        session = await self.edge.session(request)
        secret = self.edge.cookies.session(request)
        if secret is None or not session.HasField("session"):
            return see_other(self.edge.site.path("/authorize/resume", request=pending.request_id))
        started = await self.edge.backends.proofs.StartStepUp(StartStepUpRequest(session_secret=secret))
        if started.attempt_secret:
            target = ReturnTarget.to_request(pending.request_id)
            return redirect_to_second_step(self.edge, started.attempt_secret, target)
        if not session.signed_in_recently:
            return see_other(self.edge.site.path("/sign-in", request=pending.request_id))
        interaction = await self.edge.interaction(pending)
        return self.edge.form_page(
            request,
            "step_up",
            purpose=_PURPOSE,
            subject=pending.request_id,
            browser_secret=pending.browser_secret,
            targets=form_targets(request, interaction.redirect_origin),
            client=ClientOnPage.of(interaction, self.edge.site),
            display_name=session.display_name or session.username,
            username=session.username,
            request_id=pending.request_id,
        )

    async def cancel(self, request: web.Request) -> web.Response:
        """Sends access_denied to the client."""
        _, pending = await self.edge.posted_form(request, purpose=_PURPOSE)
        return await deny(self.edge, request, pending)

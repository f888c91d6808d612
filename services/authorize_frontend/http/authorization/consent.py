"""The consent page."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import DECISION_ALLOW, DECISION_DENY, DecideAuthorizationRequest
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.authorization.responses import respond
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.parameters import single_value
from services.authorize_frontend.http.shared.policy import form_targets
from services.authorize_frontend.http.shared.resources import resources_on_page

_PURPOSE = "consent"
_DECISIONS = {"allow": DECISION_ALLOW, "deny": DECISION_DENY}


@dataclass(frozen=True, kw_only=True)
class Consent:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path("/consent")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        """Shows the page. A browser without a session resumes the request, which leads to the sign-in page."""
        pending = self.edge.pending(request)
        interaction, session = await asyncio.gather(self.edge.interaction(pending), self.edge.session(request))
        if not session.HasField("session"):
            return see_other(self.edge.site.path("/authorize/resume", request=pending.request_id))
        return self.edge.form_page(
            request,
            "consent",
            purpose=_PURPOSE,
            subject=pending.request_id,
            browser_secret=pending.browser_secret,
            targets=form_targets(request, interaction.redirect_origin),
            client=ClientOnPage.of(interaction, self.edge.site),
            scopes=list(dict.fromkeys(interaction.scopes)),
            resources=resources_on_page(interaction.resources),
            display_name=session.display_name or session.username,
            username=session.username,
            request_id=pending.request_id,
        )

    async def submit(self, request: web.Request) -> web.Response:
        """Sends the user's decision to the token service, which checks the whole request again."""
        form, pending = await self.edge.posted_form(request, purpose=_PURPOSE)
        decision = _DECISIONS.get(single_value(form, "choice"))
        if decision is None:
            raise InvalidRequest("choice must be allow or deny.", reason=Reason.DECISION_MISSING, redirectable=False)
        session = await self.edge.session(request)
        message = DecideAuthorizationRequest(
            request_id=pending.request_id, browser_secret=pending.browser_secret, decision=decision
        )
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        decided = await self.edge.backends.authorization.DecideAuthorization(message)
        return respond(self.edge, request, decided, after_form=True)

"""The consent page: what an application asks for, in words that a person uses."""

import asyncio

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import DECISION_ALLOW, DECISION_DENY, DecideAuthorizationRequest
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.authorization.responses import answer
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.parameters import only
from services.authorize_frontend.http.shared.policy import redirect_sources
from services.authorize_frontend.http.shared.resource_words import resources_on_page

_PURPOSE = "consent"
_DECISIONS = {"allow": DECISION_ALLOW, "deny": DECISION_DENY}


class Consent:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path("/consent")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        """The question; somebody who is not signed in (any more) is sent through the request again."""
        pending = self._edge.pending(request)
        interaction, session = await asyncio.gather(self._edge.interaction(pending), self._edge.session(request))
        if not session.HasField("session"):
            return see_other(self._edge.site.path("/authorize/resume", request=pending.request_id))
        client = ClientOnPage.of(interaction, self._edge.site)
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=pending.request_id, browser_secret=pending.browser_secret
        )
        return self._edge.pages.page(
            "consent",
            form_action=("'self'", *redirect_sources(interaction.redirect_origin)),
            client=client,
            scopes=list(dict.fromkeys(interaction.scopes)),
            resources=resources_on_page(interaction.resources),
            person=session.display_name or session.username,
            username=session.username,
            request_id=pending.request_id,
            csrf=token,
        )

    async def submit(self, request: web.Request) -> web.Response:
        """Tells the token service what the person decided. It judges the whole request again."""
        form, pending = await self._edge.posted(request, purpose=_PURPOSE)
        decision = _DECISIONS.get(only(form, "choice"))
        if decision is None:
            raise InvalidRequest("The form has no decision.", reason=Reason.DECISION_MISSING, redirectable=False)
        session = await self._edge.session(request)
        message = DecideAuthorizationRequest(
            request_id=pending.request_id, browser_secret=pending.browser_secret, decision=decision
        )
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        return answer(self._edge, request, await self._edge.backends.authorization.DecideAuthorization(message))

"""Returns what a page shows about a pending authorization request."""

from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.oauth.redirect_uris import origin_of
from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.authorization_request import disclosed_scopes, find_redirect_uri
from services.token.domain.authorization.interaction_page import InteractionPage
from services.token.domain.authorization.pending_requests import require_pending_request
from services.token.domain.tokens.audiences import requested_resources
from services.token.ports.work import View
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization


@dataclass(frozen=True, kw_only=True)
class DescribeInteraction:
    view: View
    advance: AdvanceAuthorization
    clock: Clock

    async def __call__(self, request_id: str, *, browser_secret: str) -> InteractionPage:
        """One read. Raises InvalidRequest, not redirectable, when the request has ended or is another browser's."""
        async with self.view() as view:
            found = await view.pending_requests.find(secret_hash(request_id))
        pending = require_pending_request(found, browser_secret, now=self.clock.now())
        client = await self.advance.client(pending.client_id)
        return InteractionPage(
            client=client,
            scopes=disclosed_scopes(pending.parameters, client),
            resources=requested_resources(pending.parameters, client),
            login_hint=pending.parameters.get("login_hint", ""),
            ui_locales=tuple(pending.parameters.get("ui_locales", "").split()),
            correlation_id=pending.correlation_id,
            redirect_origin=origin_of(find_redirect_uri(pending.parameters, client)),
        )

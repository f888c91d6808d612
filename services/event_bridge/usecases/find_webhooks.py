"""Webhooks and their deliveries, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.event_bridge.domain.deliveries import LoggedDelivery, State
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import View

MAX_LISTED = 500
DEFAULT_LISTED = 50


@dataclass(frozen=True, kw_only=True)
class FindWebhooks:
    view: View

    async def every(self) -> Sequence[Webhook]:
        """Return all webhooks, oldest first."""
        async with self.view() as view:
            return await view.webhooks.every()

    async def one(self, webhook_id: str) -> Webhook:
        """Raises InvalidRequest if there is no such webhook."""
        async with self.view() as view:
            found = await view.webhooks.find(webhook_id)
        if found is None:
            raise unknown_webhook()
        return found

    async def deliveries(self, webhook_id: str, *, state: State | None, limit: int) -> Sequence[LoggedDelivery]:
        """Return deliveries, latest first; DEFAULT_LISTED if `limit` is 0. Raises InvalidRequest."""
        async with self.view() as view:
            if await view.webhooks.find(webhook_id) is None:
                raise unknown_webhook()
            limit = min(limit or DEFAULT_LISTED, MAX_LISTED)
            return await view.deliveries.listed(webhook_id, state=state, limit=limit)


def unknown_webhook() -> InvalidRequest:
    return InvalidRequest(
        "webhook_id does not match an existing webhook.", reason=Reason.WEBHOOK_UNKNOWN, redirectable=False
    )

"""What there is, for operators."""

from collections.abc import Sequence

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.event_bridge.domain.deliveries import LoggedDelivery, State
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import Begin

MOST_LISTED = 500
LISTED = 50


class FindWebhooks:
    def __init__(self, view: Begin) -> None:
        self._view = view

    async def every(self) -> Sequence[Webhook]:
        """Oldest first."""
        async with self._view() as work:
            return await work.webhooks.every()

    async def one(self, webhook_id: str) -> Webhook:
        """Raises InvalidRequest."""
        async with self._view() as work:
            found = await work.webhooks.find(webhook_id)
        if found is None:
            raise unknown()
        return found

    async def deliveries(self, webhook_id: str, *, state: State | None, limit: int) -> Sequence[LoggedDelivery]:
        """The latest first. Raises InvalidRequest."""
        async with self._view() as work:
            if await work.webhooks.find(webhook_id) is None:
                raise unknown()
            return await work.deliveries.listed(webhook_id, state=state, limit=min(limit or LISTED, MOST_LISTED))


def unknown() -> InvalidRequest:
    return InvalidRequest("There is no such webhook.", reason=Reason.WEBHOOK_UNKNOWN, redirectable=False)

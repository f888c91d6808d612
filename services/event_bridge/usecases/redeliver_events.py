"""An operator sends events to a webhook again, or sends a test event."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from libs.crypto.random import uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.event_bridge.ports import Begin, NewEvent, RedeliverySelection
from services.event_bridge.usecases.find_webhooks import unknown_webhook


@dataclass(frozen=True, kw_only=True)
class RedeliverEvents:
    """`on_queued` is called when deliveries are due."""

    begin: Begin
    on_queued: Callable[[], None]
    clock: Clock

    async def __call__(self, webhook_id: str, selection: RedeliverySelection) -> int:
        """Queue the selected events again, with the same ids. Returns their number.

        Raises:
            InvalidRequest: there is no such webhook or delivery, or the selection is empty.
        """
        if not selection.event_id and selection.since is None:
            raise InvalidRequest("event_id or since is required.", reason=Reason.REDELIVERY_OF_NOTHING)
        async with self.begin() as work:
            if await work.webhooks.find(webhook_id) is None:
                raise unknown_webhook()
            queued = await work.deliveries.requeue(webhook_id, selection, now=self.clock.now())
        if selection.event_id and not queued:
            raise InvalidRequest(
                "event_id does not match a finished delivery of this webhook.", reason=Reason.DELIVERY_UNKNOWN
            )
        self.on_queued()
        return queued


@dataclass(frozen=True, kw_only=True)
class TestWebhook:
    __test__ = False  # not a test class of pytest

    begin: Begin
    issuer: str
    on_queued: Callable[[], None]
    clock: Clock

    async def __call__(self, webhook_id: str) -> str:
        """Queue a test event for this webhook only. Returns the event id. Raises InvalidRequest."""
        now = self.clock.now()
        event_id = uuid7(now)
        body = {
            "specversion": "1.0",
            "id": event_id,
            "source": self.issuer,
            "type": "latchkey.webhook.test.v1",
            "subject": webhook_id,
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "test": True,
            "data": {"webhook_id": webhook_id},
        }
        event = NewEvent(
            event_id=event_id,
            name="webhook.test",
            subject=event_id,
            body=json.dumps(body, separators=(",", ":")),
            test=True,
        )
        async with self.begin() as work:
            if await work.webhooks.find(webhook_id) is None:
                raise unknown_webhook()
            new = await work.events.add([event], now=now)
            await work.deliveries.queue(webhook_id, new, now=now, ids=[uuid7(now)])
        self.on_queued()
        return event_id

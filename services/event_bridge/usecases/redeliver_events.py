"""An operator has events sent once more, or one that did not happen."""

import json
from collections.abc import Callable

from libs.crypto.random import uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.event_bridge.ports import Begin, Span, TakenEvent
from services.event_bridge.usecases.find_webhooks import unknown


class RedeliverEvents:
    """`queued`: is called when there is something to send."""

    def __init__(self, begin: Begin, *, queued: Callable[[], None], clock: Clock) -> None:
        self._begin = begin
        self._queued = queued
        self._clock = clock

    async def __call__(self, webhook_id: str, span: Span) -> int:
        """How many are sent again. They keep their ids, so that receivers recognise them.

        Raises:
            InvalidRequest: there is no such webhook or delivery, or nothing was asked for.
        """
        if not span.event_id and span.since is None:
            raise InvalidRequest("Neither an event nor a time is named.", reason=Reason.REDELIVERY_OF_NOTHING)
        async with self._begin() as work:
            if await work.webhooks.find(webhook_id) is None:
                raise unknown()
            queued = await work.deliveries.requeue(webhook_id, span, now=self._clock.now())
        if span.event_id and not queued:
            raise InvalidRequest("No such event was sent there, or it waits still.", reason=Reason.DELIVERY_UNKNOWN)
        self._queued()
        return queued


class TestWebhook:
    __test__ = False  # for pytest it only looks like one of its own

    def __init__(self, begin: Begin, *, issuer: str, queued: Callable[[], None], clock: Clock) -> None:
        self._begin = begin
        self._issuer = issuer
        self._queued = queued
        self._clock = clock

    async def __call__(self, webhook_id: str) -> str:
        """The id of an event that did not happen, on its way to this webhook alone. Raises InvalidRequest."""
        now = self._clock.now()
        event_id = uuid7(now)
        body = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._issuer,
            "type": "latchkey.webhook.test.v1",
            "subject": webhook_id,
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "test": True,
            "data": {"webhook_id": webhook_id},
        }
        event = TakenEvent(
            event_id=event_id,
            name="webhook.test",
            subject=event_id,
            body=json.dumps(body, separators=(",", ":")),
            test=True,
        )
        async with self._begin() as work:
            if await work.webhooks.find(webhook_id) is None:
                raise unknown()
            new = await work.events.add([event], now=now)
            await work.deliveries.queue(webhook_id, new, now=now, ids=[uuid7(now)])
        self._queued()
        return event_id

"""Stores events of a NATS stream and queues them for every matching webhook, in the order of the stream."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.crypto.random import uuid7
from libs.servicekit.base.clock import Clock
from services.event_bridge.ports import Begin, NewEvent

HOLD = timedelta(seconds=15)
"""Lease of one replica on a stream. If the replica fails, another one takes over after at most this time."""


@dataclass(frozen=True, kw_only=True)
class StoreEvents:
    """`holder` identifies this replica.

    After the commit `on_stored` is called if there are new events, and `on_queued` if a webhook gets one of them.
    """

    begin: Begin
    holder: str
    on_stored: Callable[[], None]
    on_queued: Callable[[], None]
    clock: Clock

    async def acquire(self, stream: str, *, start: int) -> int | None:
        """Acquire or renew the lease. Returns the last stored sequence (`start` for a new stream).

        Returns None while another replica has the lease.
        """
        now = self.clock.now()
        async with self.begin() as work:
            return await work.feeds.hold(stream, self.holder, until=now + HOLD, now=now, start=start)

    async def __call__(self, stream: str, events: Sequence[NewEvent], *, before: int, after: int) -> bool:
        """Store and queue the events and move the position from `before` to `after`, in one transaction.

        Returns False if another replica has taken over. Then nothing is stored, and that replica reads the same events.
        """
        now = self.clock.now()
        queued = False
        async with self.begin() as work:
            if not await work.feeds.advance(stream, self.holder, before=before, after=after):
                return False
            new = await work.events.add(events, now=now)
            for webhook in await work.webhooks.every() if new else ():
                matching = [each for each in new if webhook.matches(each[1].name)]
                ids = [uuid7(now) for _ in matching]
                await work.deliveries.queue(webhook.webhook_id, matching, now=now, ids=ids)
                queued = queued or bool(matching)
        if new:
            self.on_stored()
        if queued:
            self.on_queued()
        return True

    async def rewind(self, stream: str, *, before: int) -> bool:
        """Set the position to 0, for a stream that was created again and counts from 1."""
        async with self.begin() as work:
            return await work.feeds.advance(stream, self.holder, before=before, after=0)

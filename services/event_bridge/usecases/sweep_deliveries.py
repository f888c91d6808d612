"""What is over is forgotten, a batch at a time."""

from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.event_bridge.ports import Begin

BATCH = 500


class SweepDeliveries:
    """`keep`: how long the delivery log stays, and the events in it; `keep_unwanted`: those that no webhook wants."""

    def __init__(self, begin: Begin, *, clock: Clock, keep: timedelta, keep_unwanted: timedelta) -> None:
        self._begin = begin
        self._clock = clock
        self._keep = keep
        self._keep_unwanted = keep_unwanted

    async def __call__(self) -> bool:
        """True when there may be more."""
        return any(
            [
                await self._give_up(),
                await self._forget_deliveries(),
                await self._forget_events(),
                await self._forget_tickets(),
            ]
        )

    async def _give_up(self) -> bool:
        async with self._begin() as work:
            return await work.deliveries.give_up(now=self._clock.now(), limit=BATCH) == BATCH

    async def _forget_deliveries(self) -> bool:
        async with self._begin() as work:
            before = self._clock.now() - self._keep
            return await work.deliveries.forget(queued_before=before, limit=BATCH) == BATCH

    async def _forget_events(self) -> bool:
        async with self._begin() as work:
            before = self._clock.now() - self._keep_unwanted
            return await work.events.forget(taken_before=before, limit=BATCH) == BATCH

    async def _forget_tickets(self) -> bool:
        async with self._begin() as work:
            return await work.tickets.forget(expired_before=self._clock.now(), limit=BATCH) == BATCH

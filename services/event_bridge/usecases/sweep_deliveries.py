"""Gives up expired deliveries and deletes old deliveries, events and tickets, in batches."""

from dataclasses import dataclass
from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.event_bridge.ports import Begin

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class SweepDeliveries:
    """`keep` applies to deliveries and their events, `keep_unqueued` to events that match no webhook."""

    begin: Begin
    clock: Clock
    keep: timedelta
    keep_unqueued: timedelta

    async def __call__(self) -> bool:
        """Sweep one batch of each kind. Returns True if there may be more to do."""
        return any(
            [
                await self._give_up(),
                await self._delete_deliveries(),
                await self._delete_events(),
                await self._delete_tickets(),
            ]
        )

    async def _give_up(self) -> bool:
        async with self.begin() as work:
            return await work.deliveries.give_up(now=self.clock.now(), limit=BATCH) == BATCH

    async def _delete_deliveries(self) -> bool:
        async with self.begin() as work:
            before = self.clock.now() - self.keep
            return await work.deliveries.forget(queued_before=before, limit=BATCH) == BATCH

    async def _delete_events(self) -> bool:
        async with self.begin() as work:
            before = self.clock.now() - self.keep_unqueued
            return await work.events.forget(taken_before=before, limit=BATCH) == BATCH

    async def _delete_tickets(self) -> bool:
        async with self.begin() as work:
            return await work.tickets.forget(expired_before=self.clock.now(), limit=BATCH) == BATCH

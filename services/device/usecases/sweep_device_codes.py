"""Marks expired codes, emits their events, and deletes old codes and tallies."""

from dataclasses import dataclass
from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.device import events
from services.device.domain.limits import ATTEMPT_WINDOW, REQUEST_WINDOW
from services.device.ports import Begin

BATCH = 200
KEEP_EXPIRED = timedelta(minutes=10)
"""Until an expired code is deleted, polls with it get expired_token; after that invalid_grant."""


@dataclass(frozen=True, kw_only=True)
class SweepDeviceCodes:
    """Any number of replicas may sweep at the same time. Rows locked by another replica are skipped."""

    begin: Begin
    clock: Clock

    async def __call__(self) -> bool:
        """Sweep one batch of each kind. Returns True if there may be more to do."""
        return BATCH in {await self._expire(), await self._delete_codes(), await self._delete_tallies()}

    async def _expire(self) -> int:
        async with self.begin() as work:
            expired = await work.device_codes.expire(now=self.clock.now(), limit=BATCH)
            work.emit(
                *(events.expired(code_id=code.id, client_id=code.client_id, user_id=code.user_id) for code in expired)
            )
        return len(expired)

    async def _delete_codes(self) -> int:
        async with self.begin() as work:
            return await work.device_codes.forget(expired_before=self.clock.now() - KEEP_EXPIRED, limit=BATCH)

    async def _delete_tallies(self) -> int:
        longest = max(ATTEMPT_WINDOW, REQUEST_WINDOW)
        async with self.begin() as work:
            return await work.tallies.forget(began_before=self.clock.now() - longest, limit=BATCH)

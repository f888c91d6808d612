"""What ran out of time is told of, and forgotten a while later."""

from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.device import events
from services.device.domain.limits import ATTEMPT_WINDOW, REQUEST_WINDOW
from services.device.ports import Begin

BATCH = 200
KEEP_EXPIRED = timedelta(minutes=10)
"""For so long a late poll learns that its code has expired, instead of hearing that there never was one."""


class SweepDeviceCodes:
    """Any number of replicas may sweep at once: none waits for another, and each code expires once."""

    def __init__(self, *, begin: Begin, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock

    async def __call__(self) -> bool:
        """One bounded batch of each; True when there may be more to do."""
        return BATCH in {await self._expire(), await self._forget_codes(), await self._forget_tallies()}

    async def _expire(self) -> int:
        async with self._begin() as work:
            expired = await work.device_codes.expire(now=self._clock.now(), limit=BATCH)
            work.emit(
                *(events.expired(code_id=code.id, client_id=code.client_id, user_id=code.user_id) for code in expired)
            )
        return len(expired)

    async def _forget_codes(self) -> int:
        async with self._begin() as work:
            return await work.device_codes.forget(expired_before=self._clock.now() - KEEP_EXPIRED, limit=BATCH)

    async def _forget_tallies(self) -> int:
        longest = max(ATTEMPT_WINDOW, REQUEST_WINDOW)
        async with self._begin() as work:
            return await work.tallies.forget(began_before=self._clock.now() - longest, limit=BATCH)

"""The device asks whether somebody has said yes (RFC 8628 3.4, 3.5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import AuthorizationPending, SlowDown
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingRoom
from services.device.domain.device_codes import LONGEST_INTERVAL, Approval, DeviceCode, unknown_device_code
from services.device.ports import Begin


@dataclass(frozen=True)
class Allowed:
    """What a person has allowed; nothing of it is spent yet."""

    approval: Approval
    scopes: tuple[str, ...]
    code_id: str
    resources: tuple[str, ...] = ()


class PollDeviceCode:
    """One indexed read. A poll is noted in memory and written later, by somebody else (usecases/record_polls)."""

    def __init__(self, *, view: Begin, begin: Begin, clock: Clock, times: PollTimes, room: WaitingRoom) -> None:
        self._view = view
        self._begin = begin
        self._clock = clock
        self._times = times
        self._room = room

    async def __call__(self, device_code: str, *, client_id: str, wait: timedelta) -> Allowed:
        """Answers at once, or, while nobody has decided, after `wait` at most (and the interval at most).

        Raises:
            AuthorizationPending, SlowDown: poll again, later.
            AccessDenied, ExpiredToken, InvalidGrant: do not.
        """
        now = self._clock.now()
        device_code_hash = secret_hash(device_code)
        code = await self._find(device_code_hash)
        try:
            return _allowed(code, client_id, now=now)
        except AuthorizationPending:
            await self._require_patience(code, now=now)
            if not await self._room.wait(code.id, min(wait, code.interval)):
                raise
        return _allowed(await self._find(device_code_hash), client_id, now=self._clock.now())

    async def _find(self, device_code_hash: bytes) -> DeviceCode:
        async with self._view() as work:
            code = await work.device_codes.find(device_code_hash)
        if code is None:
            raise unknown_device_code()
        return code

    async def _require_patience(self, code: DeviceCode, *, now: datetime) -> None:
        """Notes the poll. Raises SlowDown when it came too soon, and from then on asks for more time."""
        known = [at for at in (code.last_polled_at, self._times.last(code.id)) if at is not None]
        self._times.note(code.id, now)
        if not code.is_hasty(max(known, default=None), now=now):
            return
        if code.interval < LONGEST_INTERVAL:
            async with self._begin() as work:
                await work.device_codes.slow_down(code.slowed_down(now=now))
        raise SlowDown(reason=Reason.DEVICE_POLLS_TOO_OFTEN)


def _allowed(code: DeviceCode, client_id: str, *, now: datetime) -> Allowed:
    return Allowed(code.collect(client_id, now=now), code.scopes, code.id, code.resources)

"""Finding what a typed user code stands for, at a limited rate (RFC 8628 5.1)."""

from dataclasses import dataclass
from datetime import datetime

from libs.oauth.reasons import Reason
from libs.servicekit.base.limits import Limit, require_room
from services.device.domain.device_codes import DeviceCode
from services.device.domain.limits import ATTEMPT_WINDOW, AttemptQuota
from services.device.domain.user_codes import digest, normal_form
from services.device.ports import Work

_REASON = Reason.USER_CODE_ATTEMPTS


@dataclass(frozen=True)
class Typed:
    """A code, and who typed it where: for the limits, and not verified."""

    text: str
    user_id: str
    ip_prefix: str


class LookUpUserCode:
    """Wrong codes are counted in SQL: all replicas share the count, and no restart gives a guesser new tries.

    Each attempt is counted before the code is looked at, and given back when it was right. So attempts that come at the
    same time queue for the count, and none of them is free.
    """

    def __init__(self, quota: AttemptQuota) -> None:
        self._quota = quota

    async def __call__(self, work: Work, typed: Typed, *, now: datetime) -> DeviceCode | None:
        """The one that waits under the code. None for a wrong one: the caller lets the work, and so the count, stand.

        Raises:
            TemporarilyUnavailable: too many wrong ones; the code was not looked at.
        """
        code = normal_form(typed.text)
        if code is None:  # no guess: such a code never was
            return None
        limits = self._limits(typed)
        keys = [limit.key for limit in limits]
        require_room(limits, await work.tallies.read(keys), window=ATTEMPT_WINDOW, now=now)
        counted = await work.tallies.add(keys, window=ATTEMPT_WINDOW, now=now)
        require_room(limits, counted, window=ATTEMPT_WINDOW, now=now, room=0)
        found = await work.device_codes.find_waiting(digest(code), now=now)
        if found is not None:
            await work.tallies.take_back(keys)
        return found

    def _limits(self, typed: Typed) -> tuple[Limit, ...]:
        return (
            Limit(f"attempt person {typed.user_id}", self._quota.per_person, _REASON),
            Limit(f"attempt address {typed.ip_prefix}", self._quota.per_address, _REASON),
            Limit("attempt", self._quota.overall, _REASON),
        )

"""Looks up an entered user code, with a limit on wrong codes (RFC 8628 5.1)."""

from dataclasses import dataclass
from datetime import datetime

from libs.oauth.reasons import Reason
from libs.servicekit.base.limits import Limit, require_room
from services.device.domain.device_codes import DeviceCode
from services.device.domain.limits import ATTEMPT_WINDOW, AttemptQuota
from services.device.domain.user_codes import digest, normal_form
from services.device.ports import Writer

_REASON = Reason.USER_CODE_ATTEMPTS


@dataclass(frozen=True)
class UserCodeEntry:
    """A user code as entered. `user_id` and `ip_prefix` are used for the limits only and are not verified."""

    text: str
    user_id: str
    ip_prefix: str


@dataclass(frozen=True)
class LookUpUserCode:
    """Wrong codes are counted in SQL, so that all replicas share the count and a restart does not reset it.

    An attempt is counted before the lookup and subtracted if the code was right. So concurrent attempts cannot exceed
    the limit.
    """

    quota: AttemptQuota

    async def __call__(self, work: Writer, entry: UserCodeEntry, *, now: datetime) -> DeviceCode | None:
        """Return the pending code, or None for a wrong one. The caller has to commit the count of a wrong code.

        Raises:
            TemporarilyUnavailable: too many wrong codes; this code was not looked up.
        """
        code = normal_form(entry.text)
        if code is None:  # cannot be a user code, so it is not counted as an attempt
            return None
        limits = self._limits(entry)
        keys = [limit.key for limit in limits]
        require_room(limits, await work.tallies.read(keys), window=ATTEMPT_WINDOW, now=now)
        counted = await work.tallies.add(keys, window=ATTEMPT_WINDOW, now=now)
        require_room(limits, counted, window=ATTEMPT_WINDOW, now=now, room=0)
        found = await work.device_codes.find_pending(digest(code), now=now)
        if found is not None:
            await work.tallies.take_back(keys)
        return found

    def _limits(self, entry: UserCodeEntry) -> tuple[Limit, ...]:
        return (
            Limit(f"attempt user {entry.user_id}", self.quota.per_user, _REASON),
            Limit(f"attempt address {entry.ip_prefix}", self.quota.per_address, _REASON),
            Limit("attempt", self.quota.overall, _REASON),
        )

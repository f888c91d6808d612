"""A device begins to ask for access (RFC 8628 3.1, 3.2)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret, uuid7
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.limits import Limit, require_room
from services.device import events
from services.device.domain.device_codes import DeviceCode
from services.device.domain.limits import REQUEST_WINDOW, RequestQuota
from services.device.domain.user_codes import as_shown, digest, new_user_code
from services.device.ports import Begin, Work

_TRIES = 5
"""Two live codes are equal once in a million times or so, even when the table is full."""


@dataclass(frozen=True)
class Asked:
    """By a client that the token service has authenticated."""

    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    ip_prefix: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Codes:
    """The pair, on the one occasion when both are known."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    """As people read it."""
    lifetime: timedelta
    interval: timedelta


class CreateDeviceCode:
    """What is refused for a limit writes nothing, so that asking in vain costs next to nothing."""

    def __init__(
        self, *, begin: Begin, clock: Clock, quota: RequestQuota, lifetime: timedelta, interval: timedelta
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._quota = quota
        self._lifetime = lifetime
        self._interval = interval

    async def __call__(self, asked: Asked) -> Codes:
        """A new pair of codes.

        Raises:
            TemporarilyUnavailable: too many from this address or of this client, or too many alive at all.
        """
        now = self._clock.now()
        device_code = new_secret()
        async with self._begin() as work:
            await self._require_room(work, asked, now=now)
            code = self._code(asked, now=now)
            user_code = await _add(work, code, device_code=device_code)
            work.emit(events.requested(code))
        return Codes(device_code, as_shown(user_code), self._lifetime, self._interval)

    async def _require_room(self, work: Work, asked: Asked, *, now: datetime) -> None:
        limits = (
            Limit(f"request address {asked.ip_prefix}", self._quota.per_address, Reason.DEVICE_REQUESTS_OF_ADDRESS),
            Limit(f"request client {asked.client_id}", self._quota.per_client, Reason.DEVICE_REQUESTS_OF_CLIENT),
        )
        keys = [limit.key for limit in limits]
        require_room(limits, await work.tallies.read(keys), window=REQUEST_WINDOW, now=now)
        if await work.device_codes.count_alive(now=now, most=self._quota.alive) >= self._quota.alive:
            raise TemporarilyUnavailable(
                "Too many devices wait for an answer.",
                reason=Reason.DEVICE_CODES_FULL,
                retry_after=int(REQUEST_WINDOW.total_seconds()),
            )
        counted = await work.tallies.add(keys, window=REQUEST_WINDOW, now=now)
        require_room(limits, counted, window=REQUEST_WINDOW, now=now, room=0)

    def _code(self, asked: Asked, *, now: datetime) -> DeviceCode:
        return DeviceCode(
            id=uuid7(now),
            client_id=asked.client_id,
            client_name=asked.client_name,
            scopes=asked.scopes,
            resources=asked.resources,
            requested_from=asked.ip_prefix,
            interval=self._interval,
            created_at=now,
            expires_at=now + self._lifetime,
        )


async def _add(work: Work, code: DeviceCode, *, device_code: str) -> str:
    """Stores it under a user code that nobody else is asked for at the moment; returns that code."""
    for _ in range(_TRIES):
        user_code = new_user_code()
        if await work.device_codes.add(
            code, device_code_hash=secret_hash(device_code), user_code_hash=digest(user_code)
        ):
            return user_code
    raise TemporarilyUnavailable(reason=Reason.USER_CODES_COLLIDE, retry_after=1)

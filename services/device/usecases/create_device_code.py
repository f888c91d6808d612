"""A client starts a device authorization (RFC 8628 3.1, 3.2)."""

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
from services.device.domain.user_codes import digest, display_form, new_user_code
from services.device.ports import Begin, Writer

_TRIES = 5
"""A new user code collides with a pending one about once in a million times, even if the table is full."""


@dataclass(frozen=True)
class DeviceAuthorizationRequest:
    """A request of a client that the token service has authenticated."""

    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    ip_prefix: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class IssuedCodes:
    """Both codes in plain text. Only digests are stored."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    """In display form."""
    lifetime: timedelta
    interval: timedelta


@dataclass(frozen=True, kw_only=True)
class CreateDeviceCode:
    """A request that exceeds a limit is refused after one read and writes nothing."""

    begin: Begin
    clock: Clock
    quota: RequestQuota
    lifetime: timedelta
    interval: timedelta

    async def __call__(self, request: DeviceAuthorizationRequest) -> IssuedCodes:
        """Create a new pair of codes.

        Raises:
            TemporarilyUnavailable: too many requests from this address or client, or too many unexpired codes.
        """
        now = self.clock.now()
        device_code = new_secret()
        async with self.begin() as work:
            await self._require_room(work, request, now=now)
            code = self._code(request, now=now)
            user_code = await _add(work, code, device_code=device_code)
            work.emit(events.requested(code))
        return IssuedCodes(device_code, display_form(user_code), self.lifetime, self.interval)

    async def _require_room(self, work: Writer, request: DeviceAuthorizationRequest, *, now: datetime) -> None:
        limits = (
            Limit(f"request address {request.ip_prefix}", self.quota.per_address, Reason.DEVICE_REQUESTS_OF_ADDRESS),
            Limit(f"request client {request.client_id}", self.quota.per_client, Reason.DEVICE_REQUESTS_OF_CLIENT),
        )
        keys = [limit.key for limit in limits]
        require_room(limits, await work.tallies.read(keys), window=REQUEST_WINDOW, now=now)
        if await work.device_codes.count_alive(now=now, limit=self.quota.alive) >= self.quota.alive:
            raise TemporarilyUnavailable(
                "Too many device authorizations are pending. Retry later.",
                reason=Reason.DEVICE_CODES_FULL,
                retry_after=int(REQUEST_WINDOW.total_seconds()),
            )
        counted = await work.tallies.add(keys, window=REQUEST_WINDOW, now=now)
        require_room(limits, counted, window=REQUEST_WINDOW, now=now, room=0)

    def _code(self, request: DeviceAuthorizationRequest, *, now: datetime) -> DeviceCode:
        return DeviceCode(
            id=uuid7(now),
            client_id=request.client_id,
            client_name=request.client_name,
            scopes=request.scopes,
            resources=request.resources,
            requested_from=request.ip_prefix,
            interval=self.interval,
            created_at=now,
            expires_at=now + self.lifetime,
        )


async def _add(work: Writer, code: DeviceCode, *, device_code: str) -> str:
    """Store the code under a new user code that no pending authorization has. Returns the user code."""
    for _ in range(_TRIES):
        user_code = new_user_code()
        if await work.device_codes.add(
            code, device_code_hash=secret_hash(device_code), user_code_hash=digest(user_code)
        ):
            return user_code
    raise TemporarilyUnavailable(reason=Reason.USER_CODES_COLLIDE, retry_after=1)

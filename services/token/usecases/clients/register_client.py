"""Dynamic client registration (RFC 7591 3, OpenID Connect Dynamic Client Registration 1.0, 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.oauth.addresses import address_prefix
from libs.oauth.client_metadata import ClientMetadata
from libs.oauth.errors import AccessDenied, InvalidToken, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.oauth.registration import RegistrationMode, RegistrationPolicy
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.limits import Limit, require_room
from services.token.domain.clients.client import Client
from services.token.domain.clients.registrations import REGISTRATION_WINDOW, Registration, RegistrationQuota
from services.token.ports.work import Begin, View, Writer
from services.token.usecases.clients.check_sector import CheckedSector, must_fetch
from services.token.usecases.clients.create_client import CreateClient


@dataclass(frozen=True)
class NewRegistration:
    """A new client, its secret if it has one, and its registration access token. Both are returned only once."""

    client: Client
    secret: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RegisterClient:
    begin: Begin
    view: View
    create: CreateClient
    mode: RegistrationMode
    policy: RegistrationPolicy
    quota: RegistrationQuota
    lifetime: timedelta
    clock: Clock

    async def require_permission(self, initial_token: str | None) -> None:
        """Raises unless the caller may register. Does not consume the initial access token.

        Raises:
            AccessDenied: registration is closed.
            InvalidToken: the initial access token is missing, unknown, expired, revoked or used up.
        """
        if self.mode == "closed":
            raise AccessDenied("Dynamic client registration is disabled.", reason=Reason.REGISTRATION_CLOSED)
        if initial_token is None:
            if self.mode == "token":
                raise InvalidToken(
                    "Registration requires an initial access token.", reason=Reason.REGISTRATION_TOKEN_MISSING
                )
            return
        async with self.view() as view:
            usable = await view.initial_access_tokens.is_usable(secret_hash(initial_token), now=self.clock.now())
        if not usable:
            raise _unusable()

    async def __call__(
        self, members: Mapping[str, Any], *, initial_token: str | None, remote_address: str
    ) -> NewRegistration:
        """The client. One transaction: what is refused uses nothing up.

        Raises:
            AccessDenied, InvalidToken: as `require_permission`, or a concurrent request consumed the last use.
            InvalidClientMetadata, InvalidRedirectUri: a value is invalid or not allowed for dynamic registration.
            TemporarilyUnavailable: too many from this address, or at all.
        """
        await self.require_permission(initial_token)
        metadata = self.policy.read(members)
        prefix = None if initial_token else address_prefix(remote_address)
        checked = await self._check_sector(metadata, prefix)
        now, plain = self.clock.now(), new_secret()
        registration = Registration(secret_hash(plain), expires_at=now + self.lifetime)
        async with self.begin() as work:
            if initial_token is not None and not await work.initial_access_tokens.consume(
                secret_hash(initial_token), now=now
            ):
                raise _unusable()
            await self._require_room(work, prefix, now=now)
            made = await self.create.add(work, metadata, checked, registration=registration)
        return NewRegistration(made.client, made.secret, plain)

    async def _check_sector(self, metadata: ClientMetadata, prefix: str | None) -> CheckedSector:
        """Fetch the sector document; fetches have the same rate limit as registrations."""
        if must_fetch(metadata, None):
            limits = self._limits("register fetch", "REGISTRATION_FETCHES", prefix)
            now = self.clock.now()
            async with self.begin() as work:
                counted = await work.tallies.add([each.key for each in limits], window=REGISTRATION_WINDOW, now=now)
                require_room(limits, counted, window=REGISTRATION_WINDOW, now=now, room=0)
        return await self.create.check_sector(metadata)

    def _limits(self, what: str, reason: str, prefix: str | None) -> list[Limit]:
        limits = [Limit(what, self.quota.overall, Reason(f"{reason}_PER_HOUR"))]
        if prefix is not None:
            limits.append(Limit(f"{what} address {prefix}", self.quota.per_address, Reason(f"{reason}_OF_ADDRESS")))
        return limits

    async def _require_room(self, work: Writer, prefix: str | None, *, now: datetime) -> None:
        limits = self._limits("register", "REGISTRATIONS", prefix)
        keys = [limit.key for limit in limits]
        require_room(limits, await work.tallies.read(keys), window=REGISTRATION_WINDOW, now=now)
        counted = await work.tallies.add(keys, window=REGISTRATION_WINDOW, now=now)
        require_room(limits, counted, window=REGISTRATION_WINDOW, now=now, room=0)
        # Each registration locks the first tally until the end of the transaction, so this count is exact.
        if await work.clients.count_registered(limit=self.quota.alive) >= self.quota.alive:
            raise TemporarilyUnavailable(
                "The limit of dynamically registered clients is reached.",
                reason=Reason.REGISTRATIONS_FULL,
                retry_after=int(REGISTRATION_WINDOW.total_seconds()),
            )


def _unusable() -> InvalidToken:
    return InvalidToken(
        "The initial access token is unknown, expired, revoked or has no uses left.", reason=Reason.REGISTRATION_TOKEN
    )

"""Clients: their repository, the cached directory, initial access tokens, assertions and rate counters."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from libs.crypto.jwt import UnverifiedJwt
from libs.oauth.client_metadata import ClientMetadata
from libs.servicekit.base.limits import Tally
from services.token.domain.clients.client import Client
from services.token.domain.clients.client_assertions import UsedAssertion
from services.token.domain.clients.client_logos import Logo
from services.token.domain.clients.registrations import InitialAccessToken


class ClientReader(Protocol):
    async def find(self, client_id: str) -> Client | None: ...

    async def page(self, *, after: tuple[datetime, str] | None, size: int) -> Sequence[Client]:
        """Return at most `size` clients, oldest first, after the client with this creation time and id."""


class ClientWriter(ClientReader, Protocol):
    async def find_for_update(self, client_id: str) -> Client | None:
        """Find a client and lock it until the end of the transaction."""

    async def add(self, client: Client) -> None: ...

    async def save(self, client: Client) -> None: ...

    async def remove(self, client_id: str) -> bool:
        """Return False when the client does not exist."""

    async def prolong_registration(self, client_id: str, *, until: datetime) -> bool:
        """Keep a dynamically registered client at least until then. Return False when it no longer exists."""

    async def count_registered(self, *, limit: int) -> int:
        """Count dynamically registered clients, up to `limit`."""

    async def remove_unused(self, *, limit: int, now: datetime) -> Sequence[str]:
        """Remove expired dynamically registered clients without a valid grant; return their client ids."""


class InitialAccessTokenReader(Protocol):
    async def is_usable(self, token_hash: bytes, *, now: datetime) -> bool: ...

    async def usable(self, *, limit: int, now: datetime) -> Sequence[InitialAccessToken]:
        """Return the usable tokens, most recent first."""


class InitialAccessTokenWriter(InitialAccessTokenReader, Protocol):
    async def add(self, token: InitialAccessToken, *, token_hash: bytes) -> None: ...

    async def consume(self, token_hash: bytes, *, now: datetime) -> bool:
        """Consume one use. Return True for exactly as many callers as there were uses."""

    async def remove(self, token_id: str) -> bool:
        """Return False when the token does not exist."""


class TallyWriter(Protocol):
    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]:
        """Add one to each counter and lock the counters until the end of the transaction, so that counts are exact."""


class AssertionWriter(Protocol):
    async def use(self, assertion: UsedAssertion) -> bool:
        """Record a client assertion. Return True for exactly one caller while the assertion is valid."""


class ClientDirectory(Protocol):
    """Clients from a cache."""

    async def find(self, client_id: str) -> Client | None:
        """Return the client; the result may be as old as the cache lifetime."""

    def forget(self) -> None:
        """Empty the cache."""


class SignedByClients(Protocol):
    async def verified(
        self, token: UnverifiedJwt, metadata: ClientMetadata, *, types: frozenset[str] = ...
    ) -> dict[str, Any] | None:
        """Return the claims of a JWT if a key of the client signed it, else None. Verifies only the signature."""


class Logos(Protocol):
    async def find(self, uri: str) -> Logo | None:
        """Return the image at a `logo_uri`, or None when it could not be fetched."""

"""Clients, for operators: created, changed, given new secrets, deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from libs.crypto.hashing import keyed_hash
from libs.crypto.random import new_client_id, new_secret
from libs.oauth.client_metadata import parse_metadata
from libs.oauth.errors import InvalidRequest
from libs.servicekit.clock import Clock
from libs.servicekit.work import Transactions
from services.token import events
from services.token.domain.clients import Client, ClientSecret
from services.token.ports import ClientDirectory
from services.token.store.work import TokenWork

MAX_PAGE = 500
DEFAULT_PAGE = 100


@dataclass(frozen=True)
class NewSecret:
    """A client with a secret that is told this once; only its keyed hash stays."""

    client: Client
    secret: str = field(repr=False)


class AdministerClients:
    """All methods but `create` and `page` raise InvalidRequest (CLIENT_UNKNOWN) for a client that is not there."""

    def __init__(
        self, transactions: Transactions[TokenWork], *, pepper: bytes, directory: ClientDirectory, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._pepper = pepper
        self._directory = directory
        self._clock = clock

    async def create(self, metadata: Mapping[str, Any]) -> NewSecret:
        """Raises InvalidClientMetadata or InvalidRedirectUri."""
        now = self._clock.now()
        parsed = parse_metadata(metadata)
        secret, secrets = ("", ()) if parsed.is_public else self._new_secret()
        client = Client(new_client_id(), parsed, secrets, created_at=now, updated_at=now)
        async with self._transactions() as work:
            await work.clients.add(client)
            work.emit(events.client_created(client.client_id, client_name=parsed.client_name))
        return NewSecret(client, secret)

    async def get(self, client_id: str) -> Client:
        async with self._transactions.reading() as work:
            return _known(await work.clients.find(client_id))

    async def page(self, *, size: int, after: tuple[datetime, str] | None) -> list[Client]:
        """Oldest first; `size` 0 means 100, and more than 500 are never given."""
        async with self._transactions.reading() as work:
            return await work.clients.page(after=after, size=min(size or DEFAULT_PAGE, MAX_PAGE))

    async def update(self, client_id: str, changes: Mapping[str, Any]) -> NewSecret:
        """Members given are replaced, null ones take their default. Raises as `create` does."""
        async with self._transactions() as work:
            client = _known(await work.clients.find_for_update(client_id))
            parsed = parse_metadata({**client.metadata.to_json(), **changes})
            secret, secrets = "", client.secrets
            if parsed.is_public:
                secrets = ()
            elif not secrets:
                secret, secrets = self._new_secret()
            client = replace(client, metadata=parsed, secrets=secrets, updated_at=self._clock.now())
            await work.clients.save(client)
            work.emit(events.client_updated(client_id))
        self._directory.forget()
        return NewSecret(client, secret)

    async def rotate_secret(self, client_id: str, *, overlap: timedelta) -> NewSecret:
        """Raises InvalidRequest (CLIENT_HAS_NO_SECRET) for a public client."""
        now = self._clock.now()
        async with self._transactions() as work:
            client = _known(await work.clients.find_for_update(client_id))
            if client.metadata.is_public:
                raise InvalidRequest("The client is public: it has no secret.", reason="CLIENT_HAS_NO_SECRET")
            secret, secrets = self._new_secret()
            former = [replace(old, expires_at=now + overlap) for old in client.secrets if old.expires_at is None]
            client = replace(client, secrets=(*secrets, *(former if overlap else ())), updated_at=now)
            await work.clients.save(client)
            work.emit(events.client_secret_rotated(client_id))
        self._directory.forget()
        return NewSecret(client, secret)

    async def delete(self, client_id: str) -> None:
        """The client, what people consented to for it, and all that was issued to it."""
        now = self._clock.now()
        async with self._transactions() as work:
            if not await work.clients.remove(client_id):
                raise _unknown()
            await work.consents.forget_client(client_id)
            ended = await work.grants.revoke_all_of_client(client_id, reason="client_deleted", now=now)
            work.emit(events.client_deleted(client_id))
            for grant_id, user_id in ended:
                work.emit(
                    events.token_revoked(
                        user_id=user_id, client_id=client_id, grant_id=grant_id, reason="client_deleted"
                    )
                )
        self._directory.forget()

    def _new_secret(self) -> tuple[str, tuple[ClientSecret, ...]]:
        secret = new_secret()
        return secret, (ClientSecret(keyed_hash(self._pepper, secret)),)


def _known(client: Client | None) -> Client:
    if client is None:
        raise _unknown()
    return client


def _unknown() -> InvalidRequest:
    return InvalidRequest("There is no client with this id.", reason="CLIENT_UNKNOWN")

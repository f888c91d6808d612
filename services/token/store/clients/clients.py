"""Clients in SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, insert, select, tuple_, update

from libs.oauth.client_metadata import restore_metadata
from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from services.token.domain.clients.client import Client, ClientSecret
from services.token.domain.clients.registrations import Registration
from services.token.store.tables import ClientRow, GrantRow

_table = table_of(ClientRow)
_t = _table.c
_grants = table_of(GrantRow).c


class Clients:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, client_id: str) -> Client | None:
        return await self._first(select(_table).where(_t.client_id == client_id))

    async def find_for_update(self, client_id: str) -> Client | None:
        """Find a client and lock its row until the end of the transaction."""
        return await self._first(select(_table).where(_t.client_id == client_id).with_for_update())

    async def _first(self, query: Select[Any]) -> Client | None:
        row = (await self._session.execute(query)).first()
        return None if row is None else _client(row)

    async def page(self, *, after: tuple[datetime, str] | None, size: int) -> list[Client]:
        """Oldest first, `size` at most, from behind the client created at that time with that id."""
        query = select(_table).order_by(_t.created_at, _t.client_id).limit(size)
        if after is not None:
            query = query.where(tuple_(_t.created_at, _t.client_id) > after)
        return [_client(row) for row in await self._session.execute(query)]

    async def add(self, client: Client) -> None:
        await self._session.execute(insert(ClientRow).values(**_columns(client)))

    async def save(self, client: Client) -> None:
        await self._session.execute(
            update(ClientRow).where(_t.client_id == client.client_id).values(**_columns(client))
        )

    async def remove(self, client_id: str) -> bool:
        """False when there was none."""
        result = await self._session.execute(delete(ClientRow).where(_t.client_id == client_id).returning(_t.client_id))
        return result.first() is not None

    async def prolong_registration(self, client_id: str, *, until: datetime) -> bool:
        """Return False when the client no longer exists. Blocks a concurrent `remove_unused` of this client."""
        result = await self._session.execute(
            update(ClientRow)
            .where(_t.client_id == client_id)
            .values(registration_expires_at=until)
            .returning(_t.client_id)
        )
        return result.first() is not None

    async def count_registered(self, *, limit: int) -> int:
        """How many registered themselves; counts no further than `most`."""
        some = select(_t.client_id).where(_t.registration_expires_at.is_not(None)).limit(limit).subquery()
        return int((await self._session.execute(select(func.count()).select_from(some))).scalar_one())

    async def remove_unused(self, *, limit: int, now: datetime) -> list[str]:
        """Return the ids of removed clients. Skips a client that a concurrent sign-in has locked."""
        is_over = _t.registration_expires_at < now
        good = exists().where(_grants.client_id == _t.client_id, _grants.revoked_at.is_(None), _grants.expires_at > now)
        unused = select(_t.client_id).where(is_over, ~good).order_by(_t.registration_expires_at).limit(limit)
        chosen = unused.with_for_update(skip_locked=True).cte("chosen")
        result = await self._session.execute(
            delete(ClientRow).where(_t.client_id.in_(select(chosen.c.client_id)), is_over).returning(_t.client_id)
        )
        return list(result.scalars())


def _client(row: Any) -> Client:
    secrets = [ClientSecret(row.secret_hash, sealed=row.sealed_secret or b"")] if row.secret_hash else []
    if row.former_secret_hash:
        secrets.append(
            ClientSecret(row.former_secret_hash, row.former_secret_expires_at, sealed=row.former_sealed_secret or b"")
        )
    return Client(
        client_id=row.client_id,
        metadata=restore_metadata(row.metadata),
        secrets=tuple(secrets),
        created_at=row.created_at,
        updated_at=row.updated_at,
        registration=_registration(row),
    )


def _registration(row: Any) -> Registration | None:
    if row.registration_hash is None or row.registration_expires_at is None:
        return None
    return Registration(row.registration_hash, row.registration_expires_at)


def _columns(client: Client) -> dict[str, Any]:
    latest = next((secret for secret in client.secrets if secret.expires_at is None), None)
    former = next((secret for secret in client.secrets if secret.expires_at is not None), None)
    return {
        "client_id": client.client_id,
        "metadata": client.metadata.to_json(),
        "secret_hash": latest.digest if latest else None,
        "sealed_secret": (latest.sealed if latest else None) or None,
        "former_secret_hash": former.digest if former else None,
        "former_sealed_secret": (former.sealed if former else None) or None,
        "former_secret_expires_at": former.expires_at if former else None,
        "created_at": client.created_at,
        "updated_at": client.updated_at,
        "registration_hash": client.registration.token_hash if client.registration else None,
        "registration_expires_at": client.registration.expires_at if client.registration else None,
    }

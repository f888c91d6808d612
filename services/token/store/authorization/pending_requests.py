"""Pending authorization requests in SQL."""

from datetime import datetime

from sqlalchemy import insert, select, update

from libs.oauth.parameters import Parameters
from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from services.token.domain.authorization.pending_requests import PendingRequest
from services.token.store.tables import PendingRequestRow

_t = table_of(PendingRequestRow).c


class PendingRequests:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, id_hash: bytes) -> PendingRequest | None:
        row = (await self._session.execute(select(*_t).where(_t.id_hash == id_hash))).first()
        if row is None:
            return None
        return PendingRequest(**{**row._mapping, "parameters": Parameters(row.parameters)})  # noqa: SLF001 - public API

    async def add(self, pending: PendingRequest) -> None:
        await self._session.execute(
            insert(PendingRequestRow).values(
                id_hash=pending.id_hash,
                browser_hash=pending.browser_hash,
                client_id=pending.client_id,
                parameters=dict(pending.parameters),
                correlation_id=pending.correlation_id,
                created_at=pending.created_at,
                expires_at=pending.expires_at,
                pushed_hash=pending.pushed_hash,
            )
        )

    async def record_consent(self, id_hash: bytes, *, user_id: str) -> None:
        await self._session.execute(update(PendingRequestRow).where(_t.id_hash == id_hash).values(consented_by=user_id))

    async def complete(self, id_hash: bytes, *, now: datetime) -> bool:
        """Ends the request; True for exactly one caller."""
        result = await self._session.execute(
            update(PendingRequestRow)
            .where(_t.id_hash == id_hash, _t.completed_at.is_(None))
            .values(completed_at=now)
            .returning(_t.id_hash)
        )
        return result.first() is not None

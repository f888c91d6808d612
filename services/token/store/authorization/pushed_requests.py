"""Pushed authorization requests in SQL."""

from datetime import datetime

from sqlalchemy import insert, select, update

from libs.oauth.parameters import Parameters
from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from services.token.domain.authorization.pushed_requests import PushedRequest
from services.token.store.tables import PushedRequestRow

_t = table_of(PushedRequestRow).c


class PushedRequests:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, id_hash: bytes) -> PushedRequest | None:
        row = (await self._session.execute(select(*_t).where(_t.id_hash == id_hash))).first()
        if row is None:
            return None
        return PushedRequest(**{**row._mapping, "parameters": Parameters(row.parameters)})  # noqa: SLF001 - public API

    async def add(self, pushed: PushedRequest) -> None:
        await self._session.execute(
            insert(PushedRequestRow).values(
                id_hash=pushed.id_hash,
                client_id=pushed.client_id,
                parameters=dict(pushed.parameters),
                created_at=pushed.created_at,
                expires_at=pushed.expires_at,
            )
        )

    async def complete(self, id_hash: bytes, *, now: datetime) -> bool:
        """Ends the request; True for exactly one caller."""
        result = await self._session.execute(
            update(PushedRequestRow)
            .where(_t.id_hash == id_hash, _t.completed_at.is_(None))
            .values(completed_at=now)
            .returning(_t.id_hash)
        )
        return result.first() is not None

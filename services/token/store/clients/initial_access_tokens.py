"""Initial access tokens in SQL. What can be used so often is used so often by one conditional statement."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from services.token.domain.clients.registrations import InitialAccessToken
from services.token.store.tables import InitialAccessTokenRow

_t = table_of(InitialAccessTokenRow).c


class InitialAccessTokens:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, token: InitialAccessToken, *, token_hash: bytes) -> None:
        await self._session.execute(
            insert(InitialAccessTokenRow).values(
                token_id=token.token_id,
                token_hash=token_hash,
                uses_left=token.uses_left,
                created_at=token.created_at,
                expires_at=token.expires_at,
            )
        )

    async def is_usable(self, token_hash: bytes, *, now: datetime) -> bool:
        query = select(_t.token_id).where(_t.token_hash == token_hash, _usable(now))
        return (await self._session.execute(query)).first() is not None

    async def consume(self, token_hash: bytes, *, now: datetime) -> bool:
        """Takes one use; True for exactly as many callers as there were uses."""
        result = await self._session.execute(
            update(InitialAccessTokenRow)
            .where(_t.token_hash == token_hash, _usable(now))
            .values(uses_left=_t.uses_left - 1)
            .returning(_t.token_id)
        )
        return result.first() is not None

    async def usable(self, *, limit: int, now: datetime) -> list[InitialAccessToken]:
        """The latest first."""
        query = select(_t.token_id, _t.uses_left, _t.created_at, _t.expires_at).where(_usable(now))
        rows = await self._session.execute(query.order_by(_t.token_id.desc()).limit(limit))
        return [InitialAccessToken(**row) for row in rows.mappings()]

    async def remove(self, token_id: str) -> bool:
        """False when there was none."""
        result = await self._session.execute(
            delete(InitialAccessTokenRow).where(_t.token_id == token_id).returning(_t.token_id)
        )
        return result.first() is not None


def _usable(now: datetime) -> ColumnElement[bool]:
    return and_(_t.uses_left > 0, _t.expires_at > now)

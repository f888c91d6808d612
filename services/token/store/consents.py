"""Remembered consent in SQL: the union of what a user has granted a client."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from libs.oauth.scopes import format_scope
from libs.servicekit.database import table_of
from services.token.store.tables import ConsentRow

_t = table_of(ConsentRow).c


class Consents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, *, user_id: str, client_id: str) -> frozenset[str]:
        """Scope values granted before; none when the user was never asked."""
        query = select(_t.scope).where(_t.user_id == user_id, _t.client_id == client_id)
        return frozenset(((await self._session.execute(query)).scalar() or "").split())

    async def remember(self, *, user_id: str, client_id: str, scopes: tuple[str, ...], now: datetime) -> None:
        """Adds to what was granted before. The row is locked first: two pages may be answered at the same time."""
        upsert = postgresql.insert if self._session.get_bind().dialect.name == "postgresql" else sqlite.insert
        before: Any = (
            upsert(ConsentRow)
            .values(user_id=user_id, client_id=client_id, scope=_sorted(scopes), granted_at=now)
            .on_conflict_do_update(index_elements=["user_id", "client_id"], set_={"granted_at": now})
            .returning(_t.scope)
        )
        granted = frozenset((await self._session.execute(before)).scalar_one().split())
        if not granted.issuperset(scopes):
            await self._session.execute(
                update(ConsentRow)
                .where(_t.user_id == user_id, _t.client_id == client_id)
                .values(scope=_sorted(granted.union(scopes)))
            )

    async def forget_client(self, client_id: str) -> None:
        await self._session.execute(delete(ConsentRow).where(_t.client_id == client_id))


def _sorted(scopes: Iterable[str]) -> str:
    return format_scope(tuple(sorted(scopes)))

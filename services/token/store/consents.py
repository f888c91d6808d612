"""Remembered consent in SQL: the union of what a user has granted a client."""

from datetime import datetime

from sqlalchemy import delete, select
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
        granted = await self.find(user_id=user_id, client_id=client_id)
        scope = format_scope(tuple(sorted(granted | set(scopes))))
        await self._session.merge(ConsentRow(user_id=user_id, client_id=client_id, scope=scope, granted_at=now))

    async def forget_client(self, client_id: str) -> None:
        await self._session.execute(delete(ConsentRow).where(_t.client_id == client_id))

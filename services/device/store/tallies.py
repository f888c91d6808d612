"""Counts in SQL: all replicas share them, and a restart does not begin them anew."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from services.device.domain.limits import Tally
from services.device.store.tables import TALLIES as T


class Tallies:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]:
        return _tallies(await self._session.execute(select(T).where(T.c.key.in_(keys))))

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]:
        """One statement. The rows are locked in the order of their keys until the transaction ends."""
        insert = postgresql.insert if self._session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement: Any = insert(T).values([{"key": key, "began_at": now, "counted": 1} for key in sorted(keys)])
        is_over = T.c.began_at <= now - window
        statement = statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "counted": case((is_over, 1), else_=T.c.counted + 1),
                "began_at": case((is_over, now), else_=T.c.began_at),
            },
        ).returning(T)
        return _tallies(await self._session.execute(statement))

    async def take_back(self, keys: Iterable[str]) -> None:
        await self._session.execute(update(T).where(T.c.key.in_(keys), T.c.counted > 0).values(counted=T.c.counted - 1))

    async def forget(self, *, began_before: datetime, limit: int) -> int:
        old = select(T.c.key).where(T.c.began_at < began_before).order_by(T.c.began_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(T).where(T.c.key.in_(select(chosen.c.key))).returning(T.c.key)
        return len((await self._session.execute(statement)).all())


def _tallies(rows: Iterable[Any]) -> Mapping[str, Tally]:
    return {row.key: Tally(row.counted, row.began_at) for row in rows}

"""Counters in SQL for rate limits (`limits`): shared by all replicas and kept across restarts."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, case, delete, select, update

from libs.servicekit.base.limits import Tally
from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert


def add_tallies(metadata: MetaData) -> None:
    """Add the table of counters to a service's schema: the count of each key since its window began."""
    tallies = Table(
        "tallies",
        metadata,
        Column("key", String(300), primary_key=True),
        Column("began_at", UtcDateTime, nullable=False),
        Column("counted", Integer, nullable=False),
    )
    Index("tallies_by_age", tallies.c.began_at)


class Tallies:
    """Repository for the counters."""

    def __init__(self, session: SqlSession, metadata: MetaData) -> None:
        self._session = session
        self._table = metadata.tables["tallies"]

    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]:
        return _tallies(await self._session.execute(select(self._table).where(self._table.c.key.in_(keys))))

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]:
        """Increment the counters with one statement. Rows are locked in the order of their keys until the commit."""
        columns = self._table.c
        statement: Any = upsert(self._session, self._table).values(
            [{"key": key, "began_at": now, "counted": 1} for key in sorted(keys)]
        )
        is_over = columns.began_at <= now - window
        statement = statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "counted": case((is_over, 1), else_=columns.counted + 1),
                "began_at": case((is_over, now), else_=columns.began_at),
            },
        ).returning(self._table)
        return _tallies(await self._session.execute(statement))

    async def take_back(self, keys: Iterable[str]) -> None:
        columns = self._table.c
        await self._session.execute(
            update(self._table).where(columns.key.in_(keys), columns.counted > 0).values(counted=columns.counted - 1)
        )

    async def forget(self, *, began_before: datetime, limit: int) -> int:
        """Delete at most `limit` counters whose window began before `began_before`. Returns their number."""
        columns = self._table.c
        old = select(columns.key).where(columns.began_at < began_before).order_by(columns.began_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(self._table).where(columns.key.in_(select(chosen.c.key))).returning(columns.key)
        return len((await self._session.execute(statement)).all())


def _tallies(rows: Iterable[Any]) -> Mapping[str, Tally]:
    return {row.key: Tally(row.counted, row.began_at) for row in rows}

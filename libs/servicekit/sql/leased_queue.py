"""Delivery queues in SQL: replicas claim due rows, each for one replica until its lease ends.

A table needs a primary key of one column, `due_at` (time of the next attempt, null once settled) and `attempts`. The
lease is kept in `leased_until`; in a table without this column it is kept in `due_at`.

A replica that dies loses its lease, and another replica makes the next attempt. `attempts` identifies an attempt: a
replica whose lease has ended cannot change the row any more.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Table, and_, or_, select, true, update

from libs.servicekit.sql.session import SqlSession


class LeasedQueue:
    """One queue in the transaction of `session`. `lease` must be longer than any attempt takes."""

    def __init__(self, session: SqlSession, table: Table, *, lease: timedelta) -> None:
        self._session = session
        self._table = table
        self._lease = lease
        (self._key,) = table.primary_key.columns
        self._leased_until: Column[Any] | None = table.c.get("leased_until")

    async def claim(
        self, *conditions: ColumnElement[bool], order_by: Sequence[Column[Any]] = (), limit: int, now: datetime
    ) -> Sequence[Row[Any]]:
        """Lease due rows that meet the conditions and count an attempt for each. Rows that were due first come first.

        Returns:
            The rows in the order of their keys.
        """
        chosen = (
            select(self._key)
            .where(self.is_due(now), *conditions)
            .order_by(self._table.c.due_at, *order_by)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # PostgreSQL may evaluate a plain subquery several times, and each time it locks and returns further rows.
            .cte("chosen")
        )
        lease_end = (self._leased_until if self._leased_until is not None else self._table.c.due_at).name
        claimed = (
            update(self._table)
            .where(self._key.in_(select(chosen.c[self._key.name])), self.is_due(now))
            .values({lease_end: now + self._lease, "attempts": self._table.c.attempts + 1})
            .returning(*self._table.c)
        )
        rows = (await self._session.execute(claimed)).all()
        return sorted(rows, key=lambda row: str(getattr(row, self._key.name)))

    async def postpone(
        self, key: str, *, attempts: int, until: datetime, values: Mapping[str, Any] | None = None
    ) -> bool:
        """End the lease and plan the next attempt. Returns False if another attempt has begun or the row is settled."""
        return await self._change(key, attempts, {"due_at": until, **(values or {})})

    async def settle(self, key: str, *, attempts: int, values: Mapping[str, Any]) -> bool:
        """End the lease for good: no further attempt. Returns as `postpone`."""
        return await self._change(key, attempts, {"due_at": None, **values})

    def is_due(self, now: datetime) -> ColumnElement[bool]:
        """Condition: the next attempt may begin."""
        return and_(self._table.c.due_at <= now, self.is_free(now))

    def is_free(self, now: datetime) -> ColumnElement[bool]:
        """Condition: no replica has a lease in `leased_until`."""
        if self._leased_until is None:
            return true()
        return or_(self._leased_until.is_(None), self._leased_until <= now)

    async def _change(self, key: str, attempts: int, values: dict[str, Any]) -> bool:
        held = self._table.c.due_at if self._leased_until is None else self._leased_until
        if self._leased_until is not None:
            values["leased_until"] = None
        changed = (
            update(self._table)
            .where(self._key == key, self._table.c.attempts == attempts, held.is_not(None))
            .values(values)
            .returning(self._key)
        )
        return (await self._session.execute(changed)).first() is not None

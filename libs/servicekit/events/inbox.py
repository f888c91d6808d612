"""The inbox: ids of handled events, written in the transaction that handles them.

The counterpart of the outbox: an event that is delivered twice takes effect once.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Index, MetaData, String, Table, delete, select

from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert

KEEP = timedelta(days=31)
"""Longer than the retention of the stream, so every event that can be redelivered is still in the inbox."""
PURGE_BATCH = 1_000


def add_inbox(metadata: MetaData) -> None:
    """Add the inbox table to a service's schema."""
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", String(80), primary_key=True),
        Column("event_id", String(80), primary_key=True),
        Column("handled_at", UtcDateTime, nullable=False),
    )
    Index("inbox_by_age", inbox.c.handled_at)


class Inbox:
    """Repository for the inbox."""

    def __init__(self, session: SqlSession, metadata: MetaData) -> None:
        self._session = session
        self._table = metadata.tables["inbox"]

    async def take(self, *, consumer: str, event_id: str, now: datetime) -> bool:
        """Record the event. Returns False if this consumer has handled it before; of concurrent calls one commits."""
        statement: Any = upsert(self._session, self._table).values(consumer=consumer, event_id=event_id, handled_at=now)
        statement = statement.on_conflict_do_nothing().returning(self._table.c.event_id)
        return (await self._session.execute(statement)).first() is not None

    async def purge(self, *, now: datetime) -> bool:
        """Delete a batch of entries older than KEEP. Returns True if there may be more."""
        columns = self._table.c
        old = select(columns.event_id).where(columns.handled_at < now - KEEP).limit(PURGE_BATCH)
        result: Any = await self._session.execute(
            delete(self._table).where(columns.event_id.in_(old), columns.handled_at < now - KEEP)
        )
        return bool(result.rowcount >= PURGE_BATCH)

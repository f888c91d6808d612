"""The transactional outbox: a service stores an event in the transaction that changes the state.

So an event is published if and only if the transaction commits. The counter row of a subject is locked until the
commit: transactions about one subject commit in the order of their sequence numbers, and the relay, which reads in the
order of `position`, publishes them in that order.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, String, Table, Text, insert

from libs.crypto.random import uuid7
from libs.servicekit.base import trace
from libs.servicekit.base.clock import Clock
from libs.servicekit.events.event import Event, envelope
from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert


def add_outbox(metadata: MetaData) -> None:
    """Add the outbox tables to a service's schema."""
    outbox = Table(
        "outbox",
        metadata,
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("event_id", String(36), nullable=False, unique=True),
        Column("shard", SmallInteger, nullable=False),
        Column("subject", String(255), nullable=False),
        Column("nats_subject", String(120), nullable=False),
        Column("envelope", Text, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("sent_at", UtcDateTime),
    )
    unsent = outbox.c.sent_at.is_(None)
    Index("outbox_unsent", outbox.c.shard, outbox.c.position, postgresql_where=unsent, sqlite_where=unsent)
    Index("outbox_sent", outbox.c.sent_at)
    Table(
        "outbox_subjects",
        metadata,
        Column("subject", String(255), primary_key=True),
        Column("sequence", Integer, nullable=False),
    )


class Outbox:
    """Writes events in the open transaction and wakes the relay after the commit."""

    def __init__(self, metadata: MetaData, *, issuer: str, clock: Clock) -> None:
        self._outbox = metadata.tables["outbox"]
        self._subjects = metadata.tables["outbox_subjects"]
        self._issuer = issuer
        self._clock = clock
        self.work = asyncio.Event()

    async def write(self, session: SqlSession, events: Sequence[Event]) -> None:
        """Write the events with two statements, independent of their number."""
        now = self._clock.now()
        counts = Counter(event.subject for event in events)
        nexts = await self._reserve(session, counts)
        rows: list[dict[str, Any]] = []
        for event in events:
            event_id = uuid7(now)
            body = envelope(
                event,
                event_id=event_id,
                issuer=self._issuer,
                time=now,
                sequence=nexts[event.subject],
                traceparent=trace.current(),
            )
            nexts[event.subject] += 1
            rows.append(
                {
                    "event_id": event_id,
                    "shard": event.shard,
                    "subject": event.subject,
                    "nats_subject": event.nats_subject,
                    "envelope": body,
                    "created_at": now,
                }
            )
        await session.execute(insert(self._outbox), rows)

    async def _reserve(self, session: SqlSession, counts: Mapping[str, int]) -> dict[str, int]:
        """Reserve sequence numbers; return the first one for each subject.

        Rows are locked in the order of the subjects, so that transactions cannot deadlock.
        """
        wanted = [{"subject": subject, "sequence": counts[subject]} for subject in sorted(counts)]
        statement: Any = upsert(session, self._subjects).values(wanted)
        statement = statement.on_conflict_do_update(
            index_elements=["subject"], set_={"sequence": self._subjects.c.sequence + statement.excluded.sequence}
        ).returning(self._subjects.c.subject, self._subjects.c.sequence)
        lasts = {row.subject: row.sequence for row in await session.execute(statement)}
        return {subject: lasts[subject] - count + 1 for subject, count in counts.items()}

    def wake(self) -> None:
        self.work.set()

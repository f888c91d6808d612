"""The transactional outbox: a service stores an event in the transaction that changes the state.

So an event is published if and only if the transaction commits. The counter row of a subject is locked until the
commit: transactions about one subject commit in the order of their sequence numbers, and the relay, which reads in the
order of `position`, publishes them in that order.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    bindparam,
    insert,
)

from libs.crypto.random import uuid7
from libs.servicekit.base import trace
from libs.servicekit.base.clock import Clock
from libs.servicekit.events.event import Event, envelope
from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert

GATHER_SECONDS = 0.03
"""How long the relay lets further transactions commit, so that one turn of it publishes the events of several."""


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
        self._insert = insert(self._outbox)  # built once: part of every writing transaction
        self._one: Any = None
        self._written = asyncio.Event()
        self._shards: set[int] = set()

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
        await session.execute(self._insert, rows[0] if len(rows) == 1 else rows)

    async def _reserve(self, session: SqlSession, counts: Mapping[str, int]) -> dict[str, int]:
        """Reserve sequence numbers; return the first one for each subject.

        Rows are locked in the order of the subjects, so that transactions cannot deadlock.
        """
        rows = [{"subject": subject, "sequence": counts[subject]} for subject in sorted(counts)]
        result = await (
            session.execute(self._reserve_one(session), rows[0])
            if len(rows) == 1
            else session.execute(self._reservation(session, rows))
        )
        lasts = {row.subject: row.sequence for row in result}
        return {subject: lasts[subject] - count + 1 for subject, count in counts.items()}

    def _reserve_one(self, session: SqlSession) -> Any:
        """The statement for events of one subject, as nearly all transactions have: built once."""
        if self._one is None:
            one: dict[str, Any] = {"subject": bindparam("subject"), "sequence": bindparam("sequence")}
            self._one = self._reservation(session, one)
        return self._one

    def _reservation(self, session: SqlSession, values: Any) -> Any:
        statement: Any = upsert(session, self._subjects).values(values)
        return statement.on_conflict_do_update(
            index_elements=["subject"], set_={"sequence": self._subjects.c.sequence + statement.excluded.sequence}
        ).returning(self._subjects.c.subject, self._subjects.c.sequence)

    def wake(self, events: Sequence[Event]) -> None:
        """Tell the relay of this process that these events are committed."""
        self._shards.update(event.shard for event in events)
        self._written.set()

    async def written(self) -> Collection[int]:
        """Wait until this process has committed events. Returns their shards, each event once."""
        await self._written.wait()
        await asyncio.sleep(GATHER_SECONDS)
        return self.take()

    def take(self) -> Collection[int]:
        """The shards of the events that were committed since the last call."""
        self._written.clear()
        shards, self._shards = self._shards, set()
        return shards

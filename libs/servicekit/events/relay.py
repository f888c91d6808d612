"""The relay: takes events from the outbox to the bus, in order for each subject, as often as it takes.

Any number of replicas may run it. On PostgreSQL a shard is taken by a transaction-scoped advisory lock, so a relay that
dies lets go at once; SQLite has one process. An event that was published but not yet marked is published again with the
same id, which the stream recognises.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import MetaData, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.metrics import OUTBOX_BACKLOG, OUTBOX_OLDEST_SECONDS, OUTBOX_SENT
from libs.servicekit.base.service import CheckResult
from libs.servicekit.events.event import headers
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.publish_acks import Outgoing
from libs.servicekit.process.ops import CHECK_SECONDS
from libs.servicekit.sql.database import Database

BATCH = 256
PURGE_BATCH = 1_000
KEEP_SENT = timedelta(hours=1)
IDLE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
PURGE_SECONDS = 60.0
"""How often `purge` wants to be called."""
BACKLOG_WARNING = timedelta(minutes=5)
COUNT_SECONDS = CHECK_SECONDS / 2
_log = logs.get(__name__)


class Relay:
    """`run` is a background task of a service that has an outbox; `purge` a step for a timer."""

    def __init__(self, database: Database, metadata: MetaData, outbox: Outbox, bus: Bus, *, clock: Clock) -> None:
        self._database = database
        self._table = metadata.tables["outbox"]
        self._outbox = outbox
        self._bus = bus
        self._clock = clock

    async def run(self) -> None:
        """Publishes what waits, whenever there is something and the bus is there."""
        pause = 0.0
        while True:
            self._outbox.work.clear()
            try:
                await self.drain()
            except (ConnectionError, TemporarilyUnavailable) as error:
                if not pause:
                    _log.warning("Facts wait", cause=str(error))
                pause = min(pause * 2 or IDLE_SECONDS, LONGEST_PAUSE_SECONDS)
                # Backing off is for a bus that is there and fails; one that comes back is noticed soon.
                await asyncio.sleep(pause if self._bus.ready else IDLE_SECONDS)
                continue
            if pause:
                _log.info("Facts flow again")
                pause = 0.0
            with suppress(TimeoutError):
                await asyncio.wait_for(self._outbox.work.wait(), IDLE_SECONDS)

    async def drain(self) -> int:
        """Publishes everything that waits now; returns how many events that were.

        Raises:
            ConnectionError: NATS is unavailable or did not acknowledge an event. Unacknowledged events stay queued. A
                blocked subject does not block the other shards.
        """
        sent, refused = 0, 0
        for shard in await self._shards():
            batch = BATCH
            while batch == BATCH:
                if not self._bus.ready:
                    raise ConnectionError("the bus is away")
                batch, left = await self._relay_shard(shard)
                sent += batch
                refused += left
        if refused:
            raise ConnectionError(f"the bus did not take {refused} facts")
        return sent

    async def _shards(self) -> Sequence[int]:
        async with self._database.snapshot() as session:
            query = select(self._table.c.shard).where(self._table.c.sent_at.is_(None)).distinct()
            return (await session.execute(query)).scalars().all()

    async def _relay_shard(self, shard: int) -> tuple[int, int]:
        """How many events the bus took, and how many it did not."""
        if self._database.is_sqlite:
            # Publishing inside a transaction would hold SQLite's only write lock; and there is only one relay.
            async with self._database.snapshot() as session:
                rows = await self._waiting(session, shard)
            sent = await self._publish(rows)
            async with self._database.transaction() as session:
                await self._mark(session, sent)
        else:
            async with self._database.transaction() as session:
                if not await _take(session, shard):
                    return 0, 0
                rows = await self._waiting(session, shard)
                sent = await self._publish(rows)
                await self._mark(session, sent)
        return len(sent), len(rows) - len(sent)

    async def _waiting(self, session: AsyncSession, shard: int) -> Sequence[Any]:
        columns = self._table.c
        query = (
            select(columns.position, columns.event_id, columns.subject, columns.nats_subject, columns.envelope)
            .where(columns.sent_at.is_(None), columns.shard == shard)
            .order_by(columns.position)
            .limit(BATCH)
        )
        return (await session.execute(query)).all()

    async def _publish(self, rows: Sequence[Any]) -> list[int]:
        """Positions that the bus acknowledged.

        In rounds: the first event of each subject, then the second of each. An event goes out when the one before it is
        certain, so that one which was refused is never overtaken.
        """
        by_subject: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            by_subject[row.subject].append(row)
        done: list[int] = []
        waiting = list(by_subject.values())
        while waiting:
            first = [own.pop(0) for own in waiting]
            refused = await self._publish_side_by_side(first)
            done += [row.position for row in first if row.event_id not in refused]
            waiting = [own for own, row in zip(waiting, first, strict=True) if own and row.event_id not in refused]
        return done

    async def _publish_side_by_side(self, rows: Sequence[Any]) -> Collection[str]:
        """Ids of those that the bus did not take."""
        messages = [Outgoing(row.nats_subject, row.envelope, row.event_id, headers(row.envelope)) for row in rows]
        try:
            return await self._bus.publish_all(messages)
        except ConnectionError:
            return [row.event_id for row in rows]

    async def _mark(self, session: AsyncSession, positions: Sequence[int]) -> None:
        if positions:
            await session.execute(
                update(self._table).where(self._table.c.position.in_(positions)).values(sent_at=self._clock.now())
            )
            OUTBOX_SENT.inc(len(positions))

    async def purge(self) -> bool:
        """Deletes one batch of events that were sent an hour ago. Returns True if there may be more."""
        old = (
            select(self._table.c.position)
            .where(self._table.c.sent_at < self._clock.now() - KEEP_SENT)
            .order_by(self._table.c.sent_at)
            .limit(PURGE_BATCH)
        )
        async with self._database.transaction() as session:
            result: Any = await session.execute(delete(self._table).where(self._table.c.position.in_(old)))
        return bool(result.rowcount == PURGE_BATCH)

    async def check(self) -> CheckResult:
        """A warning when events wait for long; never an outage, even when there are too many to count."""
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                waiting, age = await self._backlog()
        except (TemporarilyUnavailable, TimeoutError):
            return CheckResult(ok=False, detail="cannot be counted", required=False)
        OUTBOX_BACKLOG.set(waiting)
        OUTBOX_OLDEST_SECONDS.set(age.total_seconds())
        return CheckResult(ok=age < BACKLOG_WARNING, detail=f"{waiting} waiting", required=False)

    async def _backlog(self) -> tuple[int, timedelta]:
        async with self._database.snapshot() as session:
            columns = self._table.c
            query = select(func.count(), func.min(columns.created_at)).where(columns.sent_at.is_(None))
            waiting, oldest = (await session.execute(query)).one()
        return waiting, self._clock.now() - oldest if oldest else timedelta()


async def _take(session: AsyncSession, shard: int) -> bool:
    """The shard is ours until this transaction ends (PostgreSQL)."""
    taken = await session.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtext('latchkey.outbox.' || current_schema()), :shard)"),
        {"shard": shard},
    )
    return bool(taken.scalar_one())

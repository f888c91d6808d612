"""The relay: publishes events from the outbox to NATS, in order for each subject, and retries until it succeeds.

Any number of replicas may run it. On PostgreSQL a relay locks a shard with a transaction-scoped advisory lock, which
the database releases at once when the relay dies; with SQLite there is one process. An event that was published but not
marked as sent is published again with the same id, and the stream drops the duplicate.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import MetaData, bindparam, delete, func, select, text, update

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.metrics import OUTBOX_BACKLOG, OUTBOX_OLDEST_SECONDS, OUTBOX_SENT
from libs.servicekit.base.service import CHECK_SECONDS, CheckResult
from libs.servicekit.events.event import headers
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.publish_acks import Outgoing
from libs.servicekit.sql.database import Database
from libs.servicekit.sql.session import SqlSession

BATCH = 256
PURGE_BATCH = 1_000
KEEP_SENT = timedelta(hours=1)
IDLE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 10.0
PURGE_SECONDS = 60.0
"""Interval for `purge`."""
BACKLOG_WARNING = timedelta(minutes=5)
COUNT_SECONDS = CHECK_SECONDS / 2
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('latchkey.outbox.' || current_schema()), :shard)")
_log = logs.get(__name__)
START_SECONDS = 5.0
"""How long a process that starts waits for NATS before it reports that events are queued."""


class Relay:
    """`run` is a background task of a service with an outbox; call `purge` from a timer."""

    def __init__(self, database: Database, metadata: MetaData, outbox: Outbox, bus: Bus, *, clock: Clock) -> None:
        self._database = database
        self._table = metadata.tables["outbox"]
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        columns = self._table.c
        self._find_queued = (
            select(columns.position, columns.event_id, columns.subject, columns.nats_subject, columns.envelope)
            .where(columns.sent_at.is_(None), columns.shard == bindparam("of_shard"))
            .order_by(columns.position)
            .limit(bindparam("batch"))
        )
        self._mark_sent = (
            update(self._table)
            .where(columns.position.in_(bindparam("positions", expanding=True)))
            .values(sent_at=bindparam("now"))
        )

    async def run(self) -> None:
        """Publish queued events whenever there are any and NATS is available."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._bus.until_ready()
        pause = 0.0
        loop_time = asyncio.get_running_loop().time
        shards: Collection[int] | None = None
        all_drained_at = loop_time()
        while True:
            if shards is None or loop_time() - all_drained_at >= IDLE_SECONDS:
                # Also what replicas that have ended left behind, however busy this one is.
                shards, all_drained_at = None, loop_time()
            try:
                await self.drain(shards)
            except (ConnectionError, TemporarilyUnavailable) as error:
                if not pause:
                    _log.warning(
                        "outbox.relay_blocked",
                        message="Outbox relay blocked: NATS or the database is unavailable",
                        cause=str(error),
                    )
                pause = min(pause * 2 or IDLE_SECONDS, MAX_PAUSE_SECONDS)
                # Back off while NATS is connected but fails. While it is disconnected, poll for the reconnect.
                await asyncio.sleep(pause if self._bus.ready else IDLE_SECONDS)
                shards = None
                continue
            if pause:
                _log.info("outbox.relay_resumed", message="Outbox relay resumed")
                pause = 0.0
            shards = None
            with suppress(TimeoutError):
                shards = await asyncio.wait_for(self._outbox.written(), IDLE_SECONDS)

    async def drain(self, shards: Collection[int] | None = None) -> int:
        """Publish the queued events of these shards, or all queued events. Returns their number.

        Raises:
            ConnectionError: NATS is unavailable or did not acknowledge an event. Unacknowledged events stay queued. A
                blocked subject does not block the other shards.
        """
        sent, refused = 0, 0
        for shard in await self._shards() if shards is None else shards:
            batch = BATCH
            while batch == BATCH:
                if not self._bus.ready:
                    raise ConnectionError("NATS is unavailable")
                batch, left = await self._relay_shard(shard)
                sent += batch
                refused += left
        if refused:
            raise ConnectionError(f"NATS did not acknowledge {refused} events")
        return sent

    async def _shards(self) -> Sequence[int]:
        async with self._database.snapshot() as session:
            query = select(self._table.c.shard).where(self._table.c.sent_at.is_(None)).distinct()
            return (await session.execute(query)).scalars().all()

    async def _relay_shard(self, shard: int) -> tuple[int, int]:
        """Publish one batch of a shard. Returns the numbers of acknowledged and unacknowledged events."""
        if self._database.is_sqlite:
            # Publishing inside a transaction would hold SQLite's only write lock. There is only one relay.
            async with self._database.snapshot() as session:
                rows = await self._queued(session, shard)
            sent = await self._publish(rows)
            async with self._database.transaction() as session:
                await self._mark(session, sent)
        else:
            async with self._database.transaction() as session:
                if not await _lock(session, shard):
                    return 0, 0
                rows = await self._queued(session, shard)
                sent = await self._publish(rows)
                await self._mark(session, sent)
        return len(sent), len(rows) - len(sent)

    async def _queued(self, session: SqlSession, shard: int) -> Sequence[Any]:
        return (await session.execute(self._find_queued, {"of_shard": shard, "batch": BATCH})).all()

    async def _publish(self, rows: Sequence[Any]) -> list[int]:
        """Publish the rows. Returns the positions that NATS acknowledged.

        Works in rounds: first the first event of each subject, then the second. An event is published only after the
        acknowledgement of the previous event of its subject, so events of one subject stay in order.
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
        """Publish the rows concurrently. Returns the ids of the events that NATS did not acknowledge."""
        messages = [Outgoing(row.nats_subject, row.envelope, row.event_id, headers(row.envelope)) for row in rows]
        try:
            return await self._bus.publish_all(messages)
        except ConnectionError:
            return [row.event_id for row in rows]

    async def _mark(self, session: SqlSession, positions: Sequence[int]) -> None:
        if positions:
            await session.execute(self._mark_sent, {"positions": positions, "now": self._clock.now()})
            OUTBOX_SENT.inc(len(positions))

    async def purge(self) -> bool:
        """Delete a batch of events that were sent more than an hour ago. Returns True if there may be more."""
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
        """A failure is only a warning: events are queued for long, or too many to count in time."""
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                queued, age = await self._backlog()
        except (TemporarilyUnavailable, TimeoutError):
            return CheckResult(ok=False, detail="backlog could not be counted", required=False)
        OUTBOX_BACKLOG.set(queued)
        OUTBOX_OLDEST_SECONDS.set(age.total_seconds())
        return CheckResult(ok=age < BACKLOG_WARNING, detail=f"{queued} queued", required=False)

    async def _backlog(self) -> tuple[int, timedelta]:
        async with self._database.snapshot() as session:
            columns = self._table.c
            counted = select(func.count().label("queued"), func.min(columns.created_at).label("oldest"))
            row = (await session.execute(counted.where(columns.sent_at.is_(None)))).one()
        return row.queued, self._clock.now() - row.oldest if row.oldest else timedelta()


async def _lock(session: SqlSession, shard: int) -> bool:
    """Try to lock the shard until this transaction ends (PostgreSQL). Returns whether it succeeded."""
    return bool((await session.execute(_TRY_LOCK, {"shard": shard})).scalar_one())

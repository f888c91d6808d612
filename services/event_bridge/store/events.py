"""Events and the position in each NATS stream, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, false, func, or_, select, text, update

from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.event_bridge.ports import NewEvent, StoredEvent
from services.event_bridge.store.tables import DELIVERIES, EVENTS, FEEDS

_ADVANCE = (
    update(FEEDS)
    .where(
        FEEDS.c.stream == bindparam("of_stream"),
        FEEDS.c.holder == bindparam("of_holder"),
        FEEDS.c.sequence == bindparam("before"),
    )
    .values(sequence=bindparam("after"))
    .returning(FEEDS.c.stream)
)
"""Built once: it is part of every stored batch."""


class Events:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def newest(self) -> int:
        return int((await self._session.execute(select(func.coalesce(func.max(EVENTS.c.position), 0)))).scalar_one())

    async def position_of(self, event_id: str) -> int | None:
        query = select(EVENTS.c.position).where(EVENTS.c.event_id == event_id)
        position: int | None = (await self._session.execute(query)).scalar_one_or_none()
        return position

    async def after(self, position: int, *, limit: int) -> Sequence[StoredEvent]:
        query = (
            select(EVENTS.c.position, EVENTS.c.event_id, EVENTS.c.name, EVENTS.c.body)
            .where(EVENTS.c.position > position, EVENTS.c.test.is_(false()))
            .order_by(EVENTS.c.position)
            .limit(limit)
        )
        return [
            StoredEvent(position=row.position, event_id=row.event_id, name=row.name, body=row.body)
            for row in await self._session.execute(query)
        ]

    async def add(self, events: Sequence[NewEvent], *, now: datetime) -> Sequence[tuple[int, NewEvent]]:
        if not events:
            return ()
        await self._lock_positions()
        rows = [
            {
                "event_id": event.event_id,
                "name": event.name,
                "subject": event.subject,
                "body": event.body,
                "test": event.test,
                "taken_at": now,
            }
            for event in events
        ]
        statement: Any = upsert(self._session, EVENTS).values(rows)
        statement = statement.on_conflict_do_nothing().returning(EVENTS.c.position, EVENTS.c.event_id)
        positions = {row.event_id: row.position for row in await self._session.execute(statement)}
        return [(positions[event.event_id], event) for event in events if event.event_id in positions]

    async def _lock_positions(self) -> None:
        """Make positions visible in their order (PostgreSQL), so that a reader of later positions misses no event."""
        if self._session.is_postgresql:
            await self._session.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('latchkey.events.' || current_schema()))")
            )

    async def forget(self, *, taken_before: datetime, limit: int) -> int:
        queued = exists().where(DELIVERIES.c.position == EVENTS.c.position)
        old = select(EVENTS.c.position).where(EVENTS.c.taken_at < taken_before, ~queued).limit(limit)
        gone = delete(EVENTS).where(EVENTS.c.position.in_(select(old.cte("old").c.position)))
        return len((await self._session.execute(gone.returning(EVENTS.c.position))).all())


class Feeds:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, stream: str) -> int | None:
        query = select(FEEDS.c.sequence).where(FEEDS.c.stream == stream)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def hold(self, stream: str, holder: str, *, until: datetime, now: datetime, start: int) -> int | None:
        new = upsert(self._session, FEEDS).values(stream=stream, sequence=start, holder=holder, held_until=until)
        await self._session.execute(new.on_conflict_do_nothing())
        free = or_(FEEDS.c.holder == holder, FEEDS.c.held_until <= now)
        held = update(FEEDS).where(FEEDS.c.stream == stream, free).values(holder=holder, held_until=until)
        sequence: int | None = (await self._session.execute(held.returning(FEEDS.c.sequence))).scalar_one_or_none()
        return sequence

    async def advance(self, stream: str, holder: str, *, before: int, after: int) -> bool:
        values = {"of_stream": stream, "of_holder": holder, "before": before, "after": after}
        return (await self._session.execute(_ADVANCE, values)).first() is not None

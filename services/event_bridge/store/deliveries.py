"""Deliveries and the log of attempts in SQL.

Locks are taken in the order webhooks, deliveries, outbox subjects.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, insert, or_, select, update

from libs.servicekit.sql.leased_queue import LeasedQueue
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.event_bridge.domain.deliveries import (
    DELIVERY_LIFETIME,
    LEASE,
    AttemptResult,
    Delivery,
    LoggedAttempt,
    LoggedDelivery,
    State,
)
from services.event_bridge.ports import NewEvent, RedeliverySelection
from services.event_bridge.store.tables import ATTEMPTS, EVENTS, WEBHOOKS
from services.event_bridge.store.tables import DELIVERIES as T

MAX_ATTEMPTS_LISTED = 5


class Deliveries:
    def __init__(self, session: SqlSession) -> None:
        self._session = session
        self._queue = LeasedQueue(session, T, lease=LEASE)

    async def queue(
        self, webhook_id: str, events: Sequence[tuple[int, NewEvent]], *, now: datetime, ids: Sequence[str]
    ) -> None:
        rows = [
            {
                "delivery_id": delivery_id,
                "webhook_id": webhook_id,
                "position": position,
                "subject": event.subject if event.ordered else event.event_id,
                "state": State.PENDING.value,
                "attempts": 0,
                "due_at": now,
                "queued_at": now,
                "expires_at": now + DELIVERY_LIFETIME,
            }
            for delivery_id, (position, event) in zip(ids, events, strict=True)
        ]
        if rows:
            await self._session.execute(upsert(self._session, T).values(rows).on_conflict_do_nothing())

    async def ready(self, *, now: datetime) -> Mapping[str, bool]:
        pending = exists().where(T.c.webhook_id == WEBHOOKS.c.webhook_id, self._queue.is_due(now))
        not_resting = or_(WEBHOOKS.c.rests_until.is_(None), WEBHOOKS.c.rests_until <= now)
        query = select(WEBHOOKS.c.webhook_id, WEBHOOKS.c.failures).where(
            WEBHOOKS.c.disabled_reason.is_(None), not_resting, pending
        )
        return {row.webhook_id: row.failures > 0 for row in await self._session.execute(query)}

    async def claim(self, webhook_id: str, *, limit: int, now: datetime) -> Sequence[Delivery]:
        earlier = T.alias("earlier")
        blocked = exists().where(
            earlier.c.webhook_id == T.c.webhook_id,
            earlier.c.subject == T.c.subject,
            earlier.c.position < T.c.position,
            earlier.c.due_at.is_not(None),
        )
        of_webhook = T.c.webhook_id == webhook_id
        claimed = await self._queue.claim(of_webhook, ~blocked, order_by=[T.c.position], limit=limit, now=now)
        ids = [row.delivery_id for row in claimed]
        query = (
            select(T, EVENTS.c.event_id, EVENTS.c.body)
            .join(EVENTS, EVENTS.c.position == T.c.position)
            .where(T.c.delivery_id.in_(ids))
            .order_by(T.c.position)
        )
        return [_delivery(row) for row in await self._session.execute(query)] if ids else ()

    async def postpone(self, delivery: Delivery, *, until: datetime, counted: bool) -> bool:
        uncounted = {} if counted else {"attempts": T.c.attempts - 1}
        return await self._queue.postpone(
            delivery.delivery_id, attempts=delivery.attempts, until=until, values=uncounted
        )

    async def settle(self, delivery: Delivery, state: State) -> bool:
        return await self._queue.settle(delivery.delivery_id, attempts=delivery.attempts, values={"state": state.value})

    async def log(self, delivery: Delivery, result: AttemptResult, *, now: datetime) -> None:
        await self._session.execute(
            insert(ATTEMPTS).values(
                delivery_id=delivery.delivery_id,
                attempted_at=now,
                status=result.status,
                error=result.error,
                milliseconds=result.milliseconds,
                excerpt=result.excerpt,
            )
        )

    async def make_due(self, webhook_id: str, *, now: datetime) -> None:
        later = and_(T.c.webhook_id == webhook_id, T.c.due_at > now, T.c.leased_until.is_(None))
        await self._session.execute(update(T).where(later).values(due_at=now))

    async def requeue(self, webhook_id: str, selection: RedeliverySelection, *, now: datetime) -> int:
        conditions = [T.c.webhook_id == webhook_id, T.c.due_at.is_(None)]
        if selection.event_id:
            positions = select(EVENTS.c.position).where(EVENTS.c.event_id == selection.event_id)
            conditions.append(T.c.position.in_(positions))
        else:
            conditions += [T.c.queued_at >= selection.since, T.c.queued_at < (selection.until or now)]
            if not selection.include_delivered:
                conditions.append(T.c.state == State.GIVEN_UP.value)
        values = {"state": State.PENDING.value, "attempts": 0, "due_at": now, "expires_at": now + DELIVERY_LIFETIME}
        again = update(T).where(*conditions).values(values).returning(T.c.delivery_id)
        return len((await self._session.execute(again)).all())

    async def listed(self, webhook_id: str, *, state: State | None, limit: int) -> Sequence[LoggedDelivery]:
        query = (
            select(T, EVENTS.c.event_id, EVENTS.c.name, EVENTS.c.subject.label("about"))
            .join(EVENTS, EVENTS.c.position == T.c.position)
            .where(T.c.webhook_id == webhook_id, *([] if state is None else [T.c.state == state.value]))
            .order_by(T.c.queued_at.desc(), T.c.position.desc())
            .limit(limit)
        )
        rows = (await self._session.execute(query)).all()
        attempts = await self._latest_attempts([row.delivery_id for row in rows])
        return [_logged(row, attempts[row.delivery_id]) for row in rows]

    async def _latest_attempts(self, ids: Sequence[str]) -> Mapping[str, Sequence[LoggedAttempt]]:
        query = select(ATTEMPTS).where(ATTEMPTS.c.delivery_id.in_(ids)).order_by(ATTEMPTS.c.attempt_id.desc())
        found: dict[str, list[LoggedAttempt]] = defaultdict(list)
        for row in await self._session.execute(query):
            if len(found[row.delivery_id]) < MAX_ATTEMPTS_LISTED:
                found[row.delivery_id].append(_attempt(row))
        return found

    async def give_up(self, *, now: datetime, limit: int) -> int:
        late = (
            select(T.c.delivery_id)
            .where(T.c.due_at.is_not(None), T.c.expires_at <= now, self._queue.is_free(now))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        given_up = (
            update(T)
            .where(T.c.delivery_id.in_(select(late.cte("late").c.delivery_id)))
            .values(state=State.GIVEN_UP.value, due_at=None, leased_until=None)
            .returning(T.c.delivery_id)
        )
        return len((await self._session.execute(given_up)).all())

    async def forget(self, *, queued_before: datetime, limit: int) -> int:
        old = select(T.c.delivery_id).where(T.c.due_at.is_(None), T.c.queued_at < queued_before).limit(limit)
        gone = delete(T).where(T.c.delivery_id.in_(select(old.cte("old").c.delivery_id))).returning(T.c.delivery_id)
        return len((await self._session.execute(gone)).all())


def _delivery(row: Any) -> Delivery:
    return Delivery(
        delivery_id=row.delivery_id,
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        body=row.body,
        expires_at=row.expires_at,
        attempts=row.attempts,
    )


def _attempt(row: Any) -> LoggedAttempt:
    return LoggedAttempt(
        attempted_at=row.attempted_at,
        status=row.status,
        error=row.error,
        milliseconds=row.milliseconds,
        excerpt=row.excerpt,
    )


def _logged(row: Any, attempts: Sequence[LoggedAttempt]) -> LoggedDelivery:
    return LoggedDelivery(
        event_id=row.event_id,
        event_name=row.name,
        subject=row.about,
        state=State(row.state),
        attempts=row.attempts,
        queued_at=row.queued_at,
        next_attempt_at=row.due_at,
        latest_attempts=attempts,
    )

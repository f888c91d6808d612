"""Device codes in SQL. Each state change is one conditional statement, so that only one caller succeeds.

Locks are taken in the order tallies, device codes, outbox subjects, and sweeps skip locked rows. So transactions cannot
deadlock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, func, select, text, update

from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.device.domain.device_codes import MAX_INTERVAL, SLOWER_BY, Approval, DeviceCode, State
from services.device.ports import ExpiredCode
from services.device.store.tables import DEVICE_CODES as T
from services.device.store.tables import MAX_NAME

_PENDING = T.c.state == State.PENDING.value
_OPEN = T.c.state.in_([State.PENDING.value, State.APPROVED.value])


class DeviceCodes:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, device_code_hash: bytes) -> DeviceCode | None:
        row = (await self._session.execute(select(T).where(T.c.device_code_hash == device_code_hash))).first()
        return None if row is None else _device_code(row)

    async def find_pending(self, user_code_hash: bytes, *, now: datetime) -> DeviceCode | None:
        query = select(T).where(T.c.user_code_hash == user_code_hash, _PENDING, T.c.expires_at > now)
        row = (await self._session.execute(query)).first()
        return None if row is None else _device_code(row)

    async def count_alive(self, *, now: datetime, limit: int) -> int:
        alive = select(T.c.expires_at).where(T.c.expires_at > now).limit(limit).subquery()
        return int((await self._session.execute(select(func.count()).select_from(alive))).scalar_one())

    async def add(self, code: DeviceCode, *, device_code_hash: bytes, user_code_hash: bytes) -> bool:
        statement = (
            upsert(self._session, T)
            .values(
                id=code.id,
                device_code_hash=device_code_hash,
                user_code_hash=user_code_hash,
                client_id=code.client_id,
                client_name=code.client_name[:MAX_NAME],
                scopes=list(code.scopes),
                resources=list(code.resources),
                state=code.state.value,
                interval_seconds=_seconds(code.interval),
                requested_from=code.requested_from,
                created_at=code.created_at,
                expires_at=code.expires_at,
            )
            .on_conflict_do_nothing(index_elements=["user_code_hash"], index_where=text("state = 'pending'"))
            .returning(T.c.id)
        )
        return (await self._session.execute(statement)).first() is not None

    async def decide(self, decided: DeviceCode) -> bool:
        approval = decided.approval
        values: dict[str, Any] = {"state": decided.state.value, "decided_at": decided.decided_at}
        if approval is not None:
            values |= {
                "user_id": approval.user_id,
                "session_id": approval.session_id,
                "attested_session": approval.attested_session,
            }
        return await self._change(decided, State.PENDING, values)

    async def redeem(self, redeemed: DeviceCode) -> bool:
        values = {"state": redeemed.state.value, "redeemed_at": redeemed.redeemed_at}
        return await self._change(redeemed, State.APPROVED, values)

    async def _change(self, code: DeviceCode, before: State, values: dict[str, Any]) -> bool:
        statement = update(T).where(T.c.id == code.id, T.c.state == before.value).values(values).returning(T.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def slow_down(self, slowed: DeviceCode) -> None:
        """Add to the stored interval, so that two early polls at the same time count as two."""
        await self._session.execute(
            update(T)
            .where(T.c.id == slowed.id, _PENDING, T.c.interval_seconds < _seconds(MAX_INTERVAL))
            .values(
                interval_seconds=T.c.interval_seconds + _seconds(SLOWER_BY),
                last_polled_at=slowed.last_polled_at,
            )
        )

    async def record_polls(self, polls: Iterable[tuple[str, datetime]]) -> None:
        statement = (
            update(T)
            .where(T.c.id == bindparam("polled_id"), _PENDING)
            .where((T.c.last_polled_at < bindparam("at")) | T.c.last_polled_at.is_(None))
            .values(last_polled_at=bindparam("at"))
        )
        await self._session.execute(statement, [{"polled_id": code_id, "at": at} for code_id, at in polls])

    async def expire(self, *, now: datetime, limit: int) -> Sequence[ExpiredCode]:
        late = select(T.c.id).where(_OPEN, T.c.expires_at <= now).order_by(T.c.expires_at).limit(limit)
        statement = (
            update(T)
            .where(_chosen(late.with_for_update(skip_locked=True)))
            .values(state=State.EXPIRED.value)
            .returning(T.c.id, T.c.client_id, T.c.user_id)
        )
        return [ExpiredCode(row.id, row.client_id, row.user_id or "") for row in await self._session.execute(statement)]

    async def forget(self, *, expired_before: datetime, limit: int) -> int:
        old = select(T.c.id).where(~_OPEN, T.c.expires_at < expired_before).order_by(T.c.expires_at).limit(limit)
        statement = delete(T).where(_chosen(old.with_for_update(skip_locked=True))).returning(T.c.id)
        return len((await self._session.execute(statement)).all())


def _chosen(ids: Select[tuple[str]]) -> ColumnElement[bool]:
    """Select rows with these ids. A CTE is evaluated once; PostgreSQL may repeat a subquery and exceed its LIMIT."""
    return T.c.id.in_(select(ids.cte("chosen").c.id))


def _seconds(interval: timedelta) -> int:
    return int(interval.total_seconds())


def _device_code(row: Row[Any]) -> DeviceCode:
    return DeviceCode(
        id=row.id,
        client_id=row.client_id,
        client_name=row.client_name,
        scopes=tuple(row.scopes),
        resources=tuple(row.resources or ()),
        requested_from=row.requested_from,
        interval=timedelta(seconds=row.interval_seconds),
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=State(row.state),
        last_polled_at=row.last_polled_at,
        decided_at=row.decided_at,
        approval=None if row.user_id is None else Approval(row.user_id, row.session_id, row.attested_session),
        redeemed_at=row.redeemed_at,
    )

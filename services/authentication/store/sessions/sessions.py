"""Sessions in SQL. Updates that end a session require `ended_at IS NULL`, so each ends once and emits one event.

Locks are taken in the order user, sessions, subjects of the outbox. Sweeping and touching skip locked rows.
This prevents deadlocks.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, bindparam, delete, insert, select, update

from libs.servicekit.sql.session import SqlSession
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndedSession, EndReason, Session
from services.authentication.domain.sessions.session_list import ListedSession
from services.authentication.store.rows import ACCOUNT_COLUMNS, SESSION_COLUMNS, to_account, to_session
from services.authentication.store.tables import SESSIONS, USERS

_LIVE = SESSIONS.c.ended_at.is_(None)
# Asked at every page, so it is built once: building a statement takes longer than PostgreSQL needs to answer it.
_WITH_ACCOUNT = (
    select(*SESSION_COLUMNS, *ACCOUNT_COLUMNS)
    .select_from(SESSIONS.join(USERS, SESSIONS.c.user_id == USERS.c.id))
    .where(SESSIONS.c.secret_hash == bindparam("of_secret"))
)


class Sessions:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, session: Session, *, secret_hash: bytes, origin: Origin) -> None:
        await self._session.execute(
            insert(SESSIONS).values(
                id=session.id,
                secret_hash=secret_hash,
                user_id=session.user_id,
                authenticated_at=session.authenticated_at,
                expires_at=session.expires_at,
                last_seen_at=session.last_seen_at,
                acr=session.acr,
                amr=list(session.amr),
                ip_prefix=origin.ip_prefix,
                device=origin.device,
            )
        )

    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None:
        row = (await self._session.execute(_WITH_ACCOUNT, {"of_secret": secret_hash})).one_or_none()
        return None if row is None else (to_session(row), to_account(row))

    async def step_up(self, secret_hash: bytes, *, new_hash: bytes, acr: str, amr: tuple[str, ...]) -> Session | None:
        statement = (
            update(SESSIONS)
            .where(SESSIONS.c.secret_hash == secret_hash, _LIVE)
            .values(secret_hash=new_hash, acr=acr, amr=list(amr))
            .returning(*SESSION_COLUMNS)
        )
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else to_session(row)

    async def end(self, secret_hash: bytes, *, reason: EndReason, now: datetime) -> EndedSession | None:
        ended = await self._end(SESSIONS.c.secret_hash == secret_hash, reason=reason, now=now)
        return ended[0] if ended else None

    async def end_all_of(self, user_id: str, *, reason: EndReason, now: datetime) -> Sequence[EndedSession]:
        return await self._end(SESSIONS.c.user_id == user_id, reason=reason, now=now)

    async def end_others_of(
        self, user_id: str, *, keep: str, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        others = (SESSIONS.c.user_id == user_id) & (SESSIONS.c.id != keep)
        return await self._end(others, reason=reason, now=now)

    async def end_one_of(
        self, user_id: str, session_id: str, *, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        own = (SESSIONS.c.user_id == user_id) & (SESSIONS.c.id == session_id)
        return await self._end(own, reason=reason, now=now)

    async def end_some_of(
        self, user_id: str, session_ids: Sequence[str], *, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        own = (SESSIONS.c.user_id == user_id) & SESSIONS.c.id.in_(session_ids)
        return await self._end(own, reason=reason, now=now)

    async def live_of(self, user_id: str, *, now: datetime, limit: int) -> Sequence[ListedSession]:
        query = (
            select(*SESSION_COLUMNS, SESSIONS.c.ip_prefix, SESSIONS.c.device)
            .where(SESSIONS.c.user_id == user_id, _LIVE, SESSIONS.c.expires_at > now)
            .order_by(SESSIONS.c.last_seen_at.desc())
            .limit(limit)
        )
        return [ListedSession(to_session(row), row.ip_prefix, row.device) for row in await self._session.execute(query)]

    async def end_surplus_of(self, user_id: str, *, keep: int, now: datetime) -> Sequence[EndedSession]:
        surplus = (
            select(SESSIONS.c.id)
            .where(SESSIONS.c.user_id == user_id, _LIVE)
            .order_by(SESSIONS.c.last_seen_at.desc())
            .offset(keep)
        )
        return await self._end(_chosen(surplus), reason=EndReason.EXPIRED, now=now)

    async def end_expired(self, *, unseen_since: datetime, now: datetime, limit: int) -> Sequence[EndedSession]:
        expired = (
            select(SESSIONS.c.id)
            .where(_LIVE, (SESSIONS.c.expires_at <= now) | (SESSIONS.c.last_seen_at <= unseen_since))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._end(_chosen(expired), reason=EndReason.EXPIRED, now=now)

    async def forget_ended(self, *, before: datetime, limit: int) -> int:
        old = (
            select(SESSIONS.c.id)
            .where(SESSIONS.c.ended_at < before)
            .order_by(SESSIONS.c.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        # Python's SQLite driver knows no row count of a statement that begins with WITH.
        gone = await self._session.execute(delete(SESSIONS).where(_chosen(old)).returning(SESSIONS.c.id))
        return len(gone.all())

    async def touch(self, session_ids: Sequence[str], *, seen_at: datetime) -> None:
        # A locked row is being ended or touched by another transaction and can be skipped.
        present = select(SESSIONS.c.id).where(SESSIONS.c.id.in_(session_ids), _LIVE).with_for_update(skip_locked=True)
        statement = update(SESSIONS).where(_chosen(present), SESSIONS.c.last_seen_at < seen_at)
        await self._session.execute(statement.values(last_seen_at=seen_at))

    async def _end(self, condition: ColumnElement[bool], *, reason: EndReason, now: datetime) -> Sequence[EndedSession]:
        statement = (
            update(SESSIONS)
            .where(condition, _LIVE)
            .values(ended_at=now, end_reason=reason.value)
            .returning(SESSIONS.c.id, SESSIONS.c.user_id)
        )
        return [EndedSession(row.id, row.user_id) for row in await self._session.execute(statement)]


def _chosen(ids: Select[tuple[str]]) -> ColumnElement[bool]:
    """Rows with these ids. A CTE is evaluated once; PostgreSQL may repeat a subquery, and exceed its LIMIT."""
    chosen = ids.cte("chosen")
    return SESSIONS.c.id.in_(select(chosen.c.id))

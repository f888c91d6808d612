"""Which clients a session has signed in, and whom to tell of its end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.upsert import upsert
from services.token.domain.sessions.logout import KEEP, LEASE, LogoutDelivery, Outcome
from services.token.store.tables import LogoutDeliveryRow, SessionClientRow

_clients = table_of(SessionClientRow).c
_deliveries = table_of(LogoutDeliveryRow).c


class SessionClients:
    """Outlives the grants of the session: a client's own session does as well."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def remember(self, session_id: str, client_id: str, *, expires_at: datetime) -> None:
        statement = upsert(self._session, SessionClientRow).values(
            session_id=session_id, client_id=client_id, expires_at=expires_at
        )
        await self._session.execute(statement.on_conflict_do_nothing())

    async def of(self, session_id: str) -> Sequence[str]:
        """Client ids, in a stable order."""
        query = select(_clients.client_id).where(_clients.session_id == session_id).order_by(_clients.client_id)
        return (await self._session.execute(query)).scalars().all()

    async def forget(self, session_id: str) -> Sequence[str]:
        """Client ids of what was forgotten."""
        forgotten = delete(SessionClientRow).where(_clients.session_id == session_id).returning(_clients.client_id)
        return sorted((await self._session.execute(forgotten)).scalars())


class LogoutDeliveries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, delivery: LogoutDelivery) -> None:
        """Once for each session and client, whoever asks for it again."""
        statement = upsert(self._session, LogoutDeliveryRow).values(
            delivery_id=delivery.delivery_id,
            session_id=delivery.session_id,
            client_id=delivery.client_id,
            user_id=delivery.user_id,
            created_at=delivery.created_at,
            due_at=delivery.due_at,
            attempts=0,
            expires_at=delivery.created_at + KEEP,
        )
        await self._session.execute(statement.on_conflict_do_nothing())

    async def claim(self, *, most: int, now: datetime) -> Sequence[LogoutDelivery]:
        """Deliveries that are due, each for exactly one caller until its lease ends; the longest due first."""
        due = (
            select(_deliveries.delivery_id)
            .where(_deliveries.due_at <= now)
            .order_by(_deliveries.due_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        claimed = (
            update(LogoutDeliveryRow)
            .where(_deliveries.delivery_id.in_(due), _deliveries.due_at <= now)
            .values(due_at=now + LEASE, attempts=_deliveries.attempts + 1)
            .returning(*_deliveries)
        )
        return [_delivery(row) for row in await self._session.execute(claimed)]

    async def postpone(self, delivery: LogoutDelivery, *, until: datetime) -> bool:
        """False when the lease had ended and somebody else has begun another attempt."""
        return await self._change(delivery, due_at=until)

    async def settle(self, delivery: LogoutDelivery, outcome: Outcome) -> bool:
        """As `postpone`. The row stays for a while, for who wants to know."""
        return await self._change(delivery, due_at=None, outcome=str(outcome))

    async def _change(self, delivery: LogoutDelivery, **values: Any) -> bool:
        changed = (
            update(LogoutDeliveryRow)
            .where(_deliveries.delivery_id == delivery.delivery_id, _deliveries.attempts == delivery.attempts)
            .values(**values)
            .returning(_deliveries.delivery_id)
        )
        return (await self._session.execute(changed)).first() is not None


def _delivery(row: Any) -> LogoutDelivery:
    return LogoutDelivery(
        delivery_id=row.delivery_id,
        session_id=row.session_id,
        client_id=row.client_id,
        user_id=row.user_id,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
    )

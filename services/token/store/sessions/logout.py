"""The clients of a session, and queued back-channel logouts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.leased_queue import LeasedQueue
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.token.domain.sessions.logout import KEEP, LEASE, LogoutDelivery, Outcome
from services.token.store.tables import LogoutDeliveryRow, SessionClientRow

_clients = table_of(SessionClientRow).c


class SessionClients:
    """Outlives the grants of the session: a client's own session does as well."""

    def __init__(self, session: SqlSession) -> None:
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
    def __init__(self, session: SqlSession) -> None:
        self._session = session
        self._queue = LeasedQueue(session, table_of(LogoutDeliveryRow), lease=LEASE)

    async def add(self, delivery: LogoutDelivery) -> None:
        """Add at most one delivery for each session and client."""
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

    async def claim(self, *, limit: int, now: datetime) -> Sequence[LogoutDelivery]:
        """Lease deliveries that are due, those that were due first first."""
        return [_delivery(row) for row in await self._queue.claim(limit=limit, now=now)]

    async def postpone(self, delivery: LogoutDelivery, *, until: datetime) -> bool:
        """Returns False if the lease has ended and another replica has begun the next attempt."""
        return await self._queue.postpone(delivery.delivery_id, attempts=delivery.attempts, until=until)

    async def settle(self, delivery: LogoutDelivery, outcome: Outcome) -> bool:
        """Record the outcome. Returns as `postpone`."""
        values = {"outcome": str(outcome)}
        return await self._queue.settle(delivery.delivery_id, attempts=delivery.attempts, values=values)


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

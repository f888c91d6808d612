"""Tickets for the event stream in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select

from libs.servicekit.sql.session import SqlSession
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.store.tables import STREAM_TICKETS as T


class StreamTickets:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, ticket: StreamTicket, *, ticket_hash: bytes) -> None:
        await self._session.execute(
            insert(T).values(
                ticket_id=ticket.ticket_id,
                ticket_hash=ticket_hash,
                filters=list(ticket.filters),
                created_at=ticket.created_at,
                expires_at=ticket.expires_at,
            )
        )

    async def find(self, ticket_hash: bytes, *, now: datetime) -> StreamTicket | None:
        query = select(T).where(T.c.ticket_hash == ticket_hash, T.c.expires_at > now)
        row = (await self._session.execute(query)).first()
        return None if row is None else _ticket(row)

    async def every(self, *, now: datetime, limit: int) -> Sequence[StreamTicket]:
        query = select(T).where(T.c.expires_at > now).order_by(T.c.created_at.desc(), T.c.ticket_id.desc()).limit(limit)
        return [_ticket(row) for row in await self._session.execute(query)]

    async def delete(self, ticket_id: str) -> bool:
        gone = delete(T).where(T.c.ticket_id == ticket_id).returning(T.c.ticket_id)
        return (await self._session.execute(gone)).first() is not None

    async def forget(self, *, expired_before: datetime, limit: int) -> int:
        old = select(T.c.ticket_id).where(T.c.expires_at <= expired_before).limit(limit)
        gone = delete(T).where(T.c.ticket_id.in_(select(old.cte("old").c.ticket_id))).returning(T.c.ticket_id)
        return len((await self._session.execute(gone)).all())


def _ticket(row: Row[Any]) -> StreamTicket:
    return StreamTicket(
        ticket_id=row.ticket_id,
        filters=tuple(row.filters),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )

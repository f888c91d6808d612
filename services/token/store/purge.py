"""Removing what has ended, in bounded batches, whatever else is going on."""

from typing import Any

from sqlalchemy import Table, delete, select

from libs.servicekit.base.clock import Clock
from libs.servicekit.events.inbox import Inbox
from libs.servicekit.sql.database import Database, table_of
from libs.servicekit.sql.tallies import Tallies
from services.token.domain.clients.registrations import REGISTRATION_WINDOW
from services.token.store.tables import (
    METADATA,
    AssertionRow,
    FormerKeyUseRow,
    GrantRow,
    InitialAccessTokenRow,
    LogoutDeliveryRow,
    PendingRequestRow,
    PushedRequestRow,
    RevocationRow,
    SessionClientRow,
)

BATCH = 1_000
_ROWS = (
    PendingRequestRow,
    PushedRequestRow,
    GrantRow,
    RevocationRow,
    AssertionRow,
    SessionClientRow,
    LogoutDeliveryRow,
    InitialAccessTokenRow,
    FormerKeyUseRow,
)


class Purge:
    """A step for a timer. Codes and refresh families go with their grant."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self) -> bool:
        """True when there may be more to remove."""
        full = [await self._purge(table_of(row)) == BATCH for row in _ROWS]
        async with self._database.transaction() as session:
            full.append(await Inbox(session, METADATA).purge(now=self._clock.now()))
        async with self._database.transaction() as session:
            began_before = self._clock.now() - REGISTRATION_WINDOW
            full.append(await Tallies(session, METADATA).forget(began_before=began_before, limit=BATCH) == BATCH)
        return any(full)

    async def _purge(self, table: Table) -> int:
        key = next(iter(table.primary_key))
        ended = select(key).where(table.c.expires_at < self._clock.now()).limit(BATCH)
        async with self._database.transaction() as session:
            result: Any = await session.execute(delete(table).where(key.in_(ended)))
        return int(result.rowcount)

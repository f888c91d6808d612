"""Removing what has ended, on a timer, in bounded batches, whatever else is going on."""

import asyncio
from contextlib import suppress
from typing import Any

from sqlalchemy import Table, delete, select

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.clock import Clock
from libs.servicekit.database import Database, table_of
from services.token.store.tables import GrantRow, PendingRequestRow

BATCH = 1_000
EVERY_SECONDS = 60.0


class Purge:
    """`run` is a background task. Codes and refresh families go with their grant."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        while True:
            with suppress(TemporarilyUnavailable):
                await self.once()
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> int:
        """Returns how many rows went, not counting what went with them."""
        return await self._purge(table_of(PendingRequestRow)) + await self._purge(table_of(GrantRow))

    async def _purge(self, table: Table) -> int:
        key = next(iter(table.primary_key))
        gone: int = 0
        while True:
            ended = select(key).where(table.c.expires_at < self._clock.now()).limit(BATCH)
            async with self._database.transaction() as session:
                result: Any = await session.execute(delete(table).where(key.in_(ended)))
            gone += result.rowcount
            if result.rowcount < BATCH:
                return gone

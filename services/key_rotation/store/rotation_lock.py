"""The lock of the rotation task."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from libs.servicekit.sql.database import Database


class RotationLock:
    """Implements the TryLock port with an advisory lock of PostgreSQL. With SQLite there is only one process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[bool]:
        if self._database.is_sqlite:
            yield True
            return
        async with self._database.transaction() as session:
            taken = await session.execute(
                text("SELECT pg_try_advisory_xact_lock(hashtext('latchkey.rotation.' || current_schema()))")
            )
            yield bool(taken.scalar_one())

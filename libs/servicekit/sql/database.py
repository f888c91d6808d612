"""SQL: SQLite embedded, PostgreSQL in production, one face for both.

SQLite's driver opens transactions too late and upgrades them from read to write, which fails under load; here a write
transaction takes the write lock at its beginning, and writers of one process queue for it in order.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import DateTime, Engine, Table, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

from libs.servicekit.base.service import CheckResult
from libs.servicekit.sql.database_errors import hide_values, passes, unavailable

LOCK_MILLISECONDS = 4_000
STATEMENT_MILLISECONDS = 5_000
CONNECT_SECONDS = 5.0
_READ_ONLY = "latchkey_read_only"
_REBUILDING = "latchkey_rebuilding"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, timezone-aware in Python on both databases; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a timezone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def table_of(row: type[SQLModel]) -> Table:
    """The table of a row class, for statements on columns."""
    return cast("Table", row.__table__)  # type: ignore[attr-defined] # SQLModel makes it, its types do not say so


class Database:
    """One service's data: its own file, or its own schema."""

    def __init__(self, engine: AsyncEngine, *, schema: str) -> None:
        self.engine = engine
        self.schema = schema
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writers = asyncio.Lock() if self.is_sqlite else None

    @classmethod
    def open(cls, url: str, *, schema: str) -> "Database":
        """Prepares connections; none is made yet.

        Raises:
            OSError: the URL is not one of the two kinds.
        """
        try:
            backend = make_url(url).drivername
        except (ArgumentError, ValueError):
            backend = ""
        if backend == "sqlite+aiosqlite":
            engine = create_async_engine(
                url,
                pool_size=8,
                max_overflow=0,
                hide_parameters=True,
                connect_args={"timeout": LOCK_MILLISECONDS / 1000},
            )
            _prepare_sqlite(engine.sync_engine)
        elif backend == "postgresql+asyncpg":
            engine = create_async_engine(
                url,
                pool_size=10,
                max_overflow=10,
                pool_timeout=CONNECT_SECONDS,
                hide_parameters=True,  # they may be secrets, and an error message would show them
                connect_args={
                    "timeout": CONNECT_SECONDS,
                    "server_settings": {
                        "search_path": schema,
                        "lock_timeout": str(LOCK_MILLISECONDS),
                        "statement_timeout": str(STATEMENT_MILLISECONDS),
                        "application_name": f"latchkey {schema}",
                    },
                },
            )
        else:
            raise OSError("LATCHKEY_DATABASE_URL must be sqlite+aiosqlite:///… or postgresql+asyncpg://…")
        hide_values(engine.sync_engine)
        _keep_snapshots(engine.sync_engine)
        return cls(engine, schema=schema)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A write transaction: commits at the end, rolls back when the block raises.

        Raises:
            TemporarilyUnavailable: the database cannot be reached, or is too busy.
        """
        async with self._lock(), self._session(read_only=False) as session:
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """Reads only: a statement that writes is refused. Raises as `transaction` does."""
        async with self._session(read_only=True) as session:
            yield session

    @asynccontextmanager
    async def _session(self, *, read_only: bool) -> AsyncIterator[AsyncSession]:
        async with AsyncExitStack() as stack:
            connection = await self._connect(stack, read_only=read_only)
            try:
                async with connection.begin(), AsyncSession(bind=connection, expire_on_commit=False) as session:
                    yield session
                    await session.flush()
            except DBAPIError as error:
                if passes(error):
                    raise unavailable(error) from error
                raise

    async def _connect(self, stack: AsyncExitStack, *, read_only: bool) -> AsyncConnection:
        try:
            connection = await stack.enter_async_context(self.engine.connect())
        except (SQLAlchemyError, OSError) as error:
            raise unavailable(error) from error
        return await connection.execution_options(**{_READ_ONLY: read_only})

    def _lock(self) -> AbstractAsyncContextManager[Any]:
        return nullcontext() if self._writers is None else self._writers

    @asynccontextmanager
    async def rebuilding(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for migrations. SQLite changes a table by replacing it, and with foreign keys switched on that
        would delete the rows that refer to the old one (sqlite.org/lang_altertable.html 7).
        """
        async with self.engine.connect() as plain:
            connection = await plain.execution_options(**{_REBUILDING: True})
            try:
                async with connection.begin():
                    yield connection
            finally:
                await connection.invalidate()

    async def check(self) -> CheckResult:
        """Readiness: one trivial read."""
        async with self.snapshot() as session:
            await session.execute(text("SELECT 1"))
        return CheckResult(ok=True, detail=self.engine.dialect.name)

    async def close(self) -> None:
        await self.engine.dispose()


def _keep_snapshots(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def on_execute(connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's
        changes = context.isinsert or context.isupdate or context.isdelete
        if changes and connection.get_execution_options().get(_READ_ONLY, False):
            raise RuntimeError("a snapshot is for reading: writing takes a transaction")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        # FULL: what was committed survives a loss of power. A spent code must stay spent.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get(_REBUILDING, False):
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN" if options.get(_READ_ONLY, False) else "BEGIN IMMEDIATE")

"""SQL databases: SQLite or PostgreSQL behind one interface.

The SQLite driver opens transactions late and upgrades them from read to write, which fails under load. So a write
transaction takes SQLite's write lock at its start, and the writers of one process queue for it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import DateTime, Engine, Table, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

from libs.servicekit.base.service import CheckResult
from libs.servicekit.sql.database_errors import hide_values, is_transient, timeouts_are_disconnects, unavailable
from libs.servicekit.sql.session import SqlSession

LOCK_MILLISECONDS = 4_000
STATEMENT_MILLISECONDS = 5_000
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = STATEMENT_MILLISECONDS / 1000 + 2
"""When the client gives up on PostgreSQL, which ends a statement earlier itself: it has failed or is unreachable."""
_KEEPALIVE = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""PostgreSQL ends a session whose client is gone within a minute, so that its locks do not last for hours."""
_READ_ONLY = "latchkey_read_only"
_REBUILDING = "latchkey_rebuilding"


class UtcDateTime(TypeDecorator[datetime]):
    """A datetime in UTC, timezone-aware in Python on both databases; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a timezone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def table_of(row: type[SQLModel]) -> Table:
    """Return the table of a row class, for statements on columns."""
    return cast("Table", row.__table__)  # type: ignore[attr-defined] # missing in SQLModel's type annotations


class Database:
    """The database of one service: its own SQLite file or its own PostgreSQL schema."""

    def __init__(self, engine: AsyncEngine, *, schema: str) -> None:
        self.engine = engine
        self.schema = schema
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writers = asyncio.Lock() if self.is_sqlite else None
        self._writing = engine.execution_options(**{_READ_ONLY: False})
        reading = {_READ_ONLY: True} if self.is_sqlite else {_READ_ONLY: True, "isolation_level": "AUTOCOMMIT"}
        self._reading = engine.execution_options(**reading)

    @classmethod
    def open(cls, url: str, *, schema: str) -> "Database":
        """Create the connection pool without connecting.

        Raises:
            OSError: the URL is neither for SQLite nor for PostgreSQL.
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
                hide_parameters=True,  # parameters may be secrets and would appear in error messages
                connect_args={**_postgresql_arguments(schema), "command_timeout": ANSWER_SECONDS},
            )
        else:
            raise OSError("LATCHKEY_DATABASE_URL must be sqlite+aiosqlite:///… or postgresql+asyncpg://…")
        hide_values(engine.sync_engine)
        timeouts_are_disconnects(engine.sync_engine)
        _refuse_writes_in_snapshots(engine.sync_engine)
        return cls(engine, schema=schema)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlSession]:
        """Open a write transaction: commits at the end, rolls back if the block raises.

        Raises:
            TemporarilyUnavailable: the database cannot be reached or is overloaded.
        """
        async with self._lock(), self._connection(self._writing) as connection, connection.begin():
            yield SqlSession(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SqlSession]:
        """Open a session for reads; a writing statement raises RuntimeError. Otherwise raises as `transaction`.

        On PostgreSQL each statement reads what is committed when it begins, as in a transaction of the default
        isolation level; there is no transaction, because BEGIN and COMMIT cost more than most reads.
        """
        async with self._connection(self._reading) as connection:
            if self.is_sqlite:
                async with connection.begin():
                    yield SqlSession(connection)
            else:
                yield SqlSession(connection)

    @asynccontextmanager
    async def _connection(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(engine.connect())
            except (SQLAlchemyError, OSError) as error:
                raise unavailable(error) from error
            try:
                yield connection
            except DBAPIError as error:
                if is_transient(error):
                    raise unavailable(error) from error
                raise

    def _lock(self) -> AbstractAsyncContextManager[Any]:
        return nullcontext() if self._writers is None else self._writers

    @asynccontextmanager
    async def rebuilding(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction for migrations, with foreign keys off in SQLite.

        A migration of a SQLite table replaces the table; with foreign keys on, that would delete the rows that refer to
        the old table (sqlite.org/lang_altertable.html 7).
        """
        engine = self.engine
        if not self.is_sqlite:  # a migration may take longer than any other statement
            engine = create_async_engine(
                engine.url, poolclass=NullPool, hide_parameters=True, connect_args=_postgresql_arguments(self.schema)
            )
            hide_values(engine.sync_engine)
        async with engine.connect() as plain:
            connection = await plain.execution_options(**{_REBUILDING: True})
            try:
                async with connection.begin():
                    yield connection
            finally:
                await connection.invalidate()

    async def check(self) -> CheckResult:
        """Check readiness with a trivial query."""
        async with self.snapshot() as session:
            await session.execute(text("SELECT 1"))
        return CheckResult(ok=True, detail=self.engine.dialect.name)

    async def close(self) -> None:
        await self.engine.dispose()


def _postgresql_arguments(schema: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        "server_settings": {
            "search_path": schema,
            "lock_timeout": str(LOCK_MILLISECONDS),
            "statement_timeout": str(STATEMENT_MILLISECONDS),
            "application_name": f"latchkey {schema}",
            **_KEEPALIVE,
        },
    }


def _refuse_writes_in_snapshots(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def on_execute(connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
        changes = context.isinsert or context.isupdate or context.isdelete
        if changes and connection.get_execution_options().get(_READ_ONLY, False):
            raise RuntimeError("a snapshot is read-only: use a transaction to write")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        # FULL: commits survive a power failure. A redeemed code must not become valid again.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get(_REBUILDING, False):
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN" if options.get(_READ_ONLY, False) else "BEGIN IMMEDIATE")

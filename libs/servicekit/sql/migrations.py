"""The schema of a service's database is what the code needs, or later: looked at whenever a process starts.

Almost always nothing is pending, and then two statements say so. Alembic, which takes a third of a second to import,
comes in only when something is (schema_history.py).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from libs.servicekit.base import logs
from libs.servicekit.base.settings import DatabaseSettings
from libs.servicekit.sql.database import Database

_ROOT = Path(__file__).resolve().parents[3]
_log = logs.get(__name__)


class PendingMigrations(Exception):
    """The database is older than the code."""


def schema_of(service: str) -> str:
    """Name of the PostgreSQL schema, of the package and of the SQLite file of a service."""
    return service.replace("-", "_")


def migrations_folder(service: str) -> Path:
    """Where the schema's history is written down: `versions/<revision>_<what it does>.py`."""
    return _ROOT / "services" / schema_of(service) / "migrations"


def revisions(service: str) -> list[str]:
    """What this code knows, oldest first."""
    return sorted(path.name.split("_")[0] for path in (migrations_folder(service) / "versions").glob("[0-9]*.py"))


@asynccontextmanager
async def open_database(settings: DatabaseSettings, *, service: str) -> AsyncIterator[Database]:
    """The service's database, at the version that the code needs, or at a later one.

    Raises:
        PendingMigrations: it is older, and LATCHKEY_MIGRATE_ON_START is off.
        OSError: it cannot be used.
    """
    database = Database.open(settings.database_url, schema=schema_of(service))
    try:
        with _said_plainly():
            await _bring_up(database, service=service, apply=settings.migrate_on_start)
        yield database
    finally:
        await database.close()


async def _bring_up(database: Database, *, service: str, apply: bool) -> None:
    async with database.engine.connect() as connection:
        present = await connection.run_sync(_present)
    known = revisions(service)
    if present == known[-1]:
        return
    if present is not None and present not in known:
        # Each migration suits the code before it, which may be restarted at any time.
        _log.warning("The database is newer than the code", revision=present)
        return
    if not apply:
        raise PendingMigrations(
            f"the database is at revision {present or 'nothing'}, the code needs {known[-1]}: "
            f"run python -m services.{schema_of(service)} migrate, or set LATCHKEY_MIGRATE_ON_START=true"
        )
    from libs.servicekit.sql.schema_history import upgrade  # noqa: PLC0415 - see above

    await upgrade(database, service=service)


def _present(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


async def migrate(settings: DatabaseSettings, *, service: str) -> None:
    """Applies what is pending, and ends.

    Raises:
        OSError: the database cannot be used.
    """
    from libs.servicekit.sql.schema_history import upgrade  # noqa: PLC0415 - see above

    database = Database.open(settings.database_url, schema=schema_of(service))
    try:
        with _said_plainly():
            await upgrade(database, service=service)
    finally:
        await database.close()


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error) or type(error).__name__
        raise OSError(f"the database cannot be used: {cause}") from error

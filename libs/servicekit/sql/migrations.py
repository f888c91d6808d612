"""Check of the database schema at the start of a process: it must have the revision of the code or a newer one.

The check takes two statements. Alembic, whose import takes a third of a second, is imported only if migrations are
pending (schema_history.py).
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
    """Return the name of a service's PostgreSQL schema, package and SQLite file."""
    return service.replace("-", "_")


def migrations_folder(service: str) -> Path:
    """Return the folder of a service's migrations, `versions/<revision>_<description>.py`."""
    return _ROOT / "services" / schema_of(service) / "migrations"


def revisions(service: str) -> list[str]:
    """Return the revisions of this code, oldest first."""
    return sorted(path.name.split("_")[0] for path in (migrations_folder(service) / "versions").glob("[0-9]*.py"))


@asynccontextmanager
async def open_database(settings: DatabaseSettings, *, service: str) -> AsyncIterator[Database]:
    """Open the service's database and check or upgrade its schema.

    Raises:
        PendingMigrations: migrations are pending and LATCHKEY_MIGRATE_ON_START is off.
        OSError: the database cannot be used.
    """
    database = Database.open(settings.database_url, schema=schema_of(service))
    try:
        with _readable_errors():
            await _check_or_upgrade(database, service=service, apply=settings.migrate_on_start)
        yield database
    finally:
        await database.close()


async def _check_or_upgrade(database: Database, *, service: str, apply: bool) -> None:
    async with database.engine.connect() as connection:
        present = await connection.run_sync(_revision_of)
    known = revisions(service)
    if present == known[-1]:
        return
    if present is not None and present not in known:
        # Each migration is compatible with the previous code, which may be restarted at any time.
        _log.warning("schema.newer", message="Database schema is newer than the code", revision=present)
        return
    if not apply:
        raise PendingMigrations(
            f"the database schema has revision {present or 'none'}, the code needs {known[-1]}: "
            f"run python -m services.{schema_of(service)} migrate, or set LATCHKEY_MIGRATE_ON_START=true"
        )
    from libs.servicekit.sql.schema_history import upgrade  # noqa: PLC0415 - see the module docstring

    await upgrade(database, service=service)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


async def migrate(settings: DatabaseSettings, *, service: str) -> None:
    """Apply pending migrations.

    Raises:
        OSError: the database cannot be used.
    """
    from libs.servicekit.sql.schema_history import upgrade  # noqa: PLC0415 - see the module docstring

    database = Database.open(settings.database_url, schema=schema_of(service))
    try:
        with _readable_errors():
            await upgrade(database, service=service)
    finally:
        await database.close()


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error) or type(error).__name__
        raise OSError(f"the database cannot be used: {cause}") from error

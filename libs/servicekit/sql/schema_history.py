"""Migrations of a service's database schema with Alembic: `services/<name>/migrations`.

Migrations are applied before new code serves (`python -m services.<name> migrate`), so each migration must be
compatible with the previous code, which is still running.
"""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.servicekit.base import logs
from libs.servicekit.sql.database import LOCK_MILLISECONDS, Database, UtcDateTime
from libs.servicekit.sql.migrations import migrations_folder, schema_of

_LOCK = 0x4C4B  # "LK": advisory lock for replicas that migrate at the same time
_log = logs.get(__name__)


def configuration(service: str, connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for one service (an identity such as "key-rotation")."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder(service)))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


async def upgrade(database: Database, *, service: str) -> None:
    """Apply pending migrations. A database with a newer schema than the code stays unchanged."""
    async with database.rebuilding() as connection:
        if not database.is_sqlite:
            await _prepare_postgresql(connection, schema=database.schema)
        if not _is_newer(await connection.run_sync(_revision_of), service=service):
            await connection.run_sync(lambda sync: command.upgrade(configuration(service, sync), "head"))


async def _prepare_postgresql(connection: AsyncConnection, *, schema: str) -> None:
    """Wait for other replicas without a timeout; the statements of a migration have a lock timeout."""
    await connection.execute(text("SET LOCAL statement_timeout = 0"))
    await connection.execute(text("SET LOCAL lock_timeout = 0"))
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"))
    await connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _history(service: str) -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration(service))


def _is_newer(present: str | None, *, service: str) -> bool:
    """Return whether this code does not have the revision: newer code has migrated the database."""
    newer = present is not None and all(known.revision != present for known in _history(service).walk_revisions())
    if newer:
        _log.warning("schema.newer", message="Database schema is newer than the code", revision=present)
    return newer


async def draft(service: str, message: str) -> None:
    """Generate a migration from the newest revision to the tables of the code (`make migration`)."""
    history = _history(service)
    number = f"{len(list(history.walk_revisions())) + 1:04d}"
    template = Path(history.dir) / "script.py.mako"
    with TemporaryDirectory() as folder:
        database = Database.open(f"sqlite+aiosqlite:///{folder}/draft.sqlite3", schema=schema_of(service))
        await upgrade(database, service=service)
        template.write_bytes(Path(__file__).with_name("migration.py.mako").read_bytes())
        try:
            async with database.engine.connect() as connection:
                await connection.run_sync(
                    lambda sync: command.revision(
                        configuration(service, sync), message, autogenerate=True, rev_id=number
                    )
                )
        finally:
            template.unlink()
            await database.close()


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Render plain types: migrations must not change when the project's own types change."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run_env(metadata: MetaData) -> None:
    """Run the migrations; called by a service's `migrations/env.py`."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is None:
        sys.exit("to apply migrations, run python -m services.<name> migrate; to generate one, run make migration")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
        compare_type=True,
        render_item=_render,
    )
    context.run_migrations()


if __name__ == "__main__":
    asyncio.run(draft(*sys.argv[1:]))

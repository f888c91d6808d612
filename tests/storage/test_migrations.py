"""The schema of every service that has a database: from nothing, beside others, and beside other versions of the code."""

import asyncio
import importlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Connection, MetaData, inspect, text

from deploy.provision.topology import SERVICES
from libs.servicekit.base.settings import DatabaseSettings
from libs.servicekit.sql import database as database_module
from libs.servicekit.sql import schema_history
from libs.servicekit.sql.database import Database
from libs.servicekit.sql.migrations import PendingMigrations, open_database, revisions, schema_of
from libs.servicekit.sql.schema_history import configuration, upgrade
from tests.support.databases import KINDS, Kind, fresh_database
from tests.support.log_lines import captured_log
from tests.support.mutual_tls import ISSUER, make_certificates

ROOT = Path(__file__).resolve().parents[2]
NAMES = [service.name for service in SERVICES if service.database]
every_service = pytest.mark.parametrize("service", NAMES)
every_kind = pytest.mark.parametrize("kind", KINDS)


def metadata_of(service: str) -> MetaData:
    tables = importlib.import_module(f"services.{schema_of(service)}.store.tables")
    metadata = getattr(tables, "METADATA", None) or tables.metadata
    assert isinstance(metadata, MetaData)
    return metadata


@pytest.fixture
async def database(kind: Kind, service: str, tmp_path: Path) -> AsyncIterator[Database]:
    """The migrated database of a service."""
    async with fresh_database(kind, service=service, folder=tmp_path) as database:
        yield database


@pytest.fixture
async def url(database: Database) -> str:
    """Where the database of the service is, with nothing in it."""
    if database.is_sqlite:
        await database.close()
        Path(str(database.engine.url.database)).unlink()  # noqa: ASYNC240 - a moment
    else:
        async with database.engine.begin() as connection:
            await connection.execute(text(f'DROP SCHEMA "{database.schema}" CASCADE'))
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def settings_of(url: str, tls: Path, *, migrate_on_start: bool = False) -> DatabaseSettings:
    return DatabaseSettings(
        issuer=ISSUER,
        tls_ca=tls / "ca.pem",
        tls_certificate=tls / "token.pem",
        tls_key=tls / "token.key",
        database_url=url,
        migrate_on_start=migrate_on_start,
    )


async def asked(database: Database, question: Any) -> Any:
    async with database.engine.connect() as connection:
        return await connection.run_sync(question)


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def shape(connection: Connection) -> dict[str, Any]:
    """All that the database knows of its tables: conditions of indexes and of checks as well."""
    found = inspect(connection)

    def by_name(items: Any) -> list[Any]:
        return sorted(items, key=lambda item: (str(item.get("name")), str(item)))

    return {
        table: {
            "columns": by_name(found.get_columns(table)),
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "indexes": by_name(found.get_indexes(table)),
            "unique": by_name(found.get_unique_constraints(table)),
            "checks": by_name(found.get_check_constraints(table)),
            "references": by_name(found.get_foreign_keys(table)),
        }
        for table in tables(connection)
    }


def conditions(found: dict[str, Any]) -> dict[str, Any]:
    """The shape, readable: expressions are compared as text."""
    return {
        table: {name: re.sub(r"0x[0-9a-f]+", "", str(what)) for name, what in of.items()} for table, of in found.items()
    }


def defaults_differ(
    _context: Any, _found: Any, column: Any, found: str | None, _metadata_type: Any, text: str | None
) -> bool | None:
    """None: as Alembic compares. PostgreSQL itself, which it asks, cannot compare two values of JSON."""
    if not isinstance(column.type, JSON):
        return None
    return (found or "").removesuffix("::json") != (text or "")


@every_service
@every_kind
async def test_migrations_create_the_tables_of_the_code(database: Database, service: str):
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": defaults_differ}
        )
        return list(compare_metadata(context, metadata_of(service)))

    assert await asked(database, differences) == []
    assert await asked(database, tables) == set(metadata_of(service).tables)


@every_service
@every_kind
async def test_migrations_create_every_index_condition_of_the_code(database: Database, service: str):
    def remake(connection: Connection) -> None:
        metadata_of(service).drop_all(connection)
        metadata_of(service).create_all(connection)

    migrated = conditions(await asked(database, shape))
    async with database.rebuilding() as connection:
        await connection.run_sync(remake)
    assert migrated == conditions(await asked(database, shape))


@every_service
@every_kind
async def test_migrations_can_be_downgraded_and_upgraded(database: Database, service: str):
    before = conditions(await asked(database, shape))
    async with database.rebuilding() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configuration(service, sync), "base"))
        assert await connection.run_sync(tables) == set()
    await upgrade(database, service=service)
    await upgrade(database, service=service)
    assert conditions(await asked(database, shape)) == before


@every_service
def test_migrations_import_no_project_code(service: str):
    for file in (ROOT / "services" / schema_of(service) / "migrations" / "versions").glob("*.py"):
        assert not re.findall(r"^\s*(?:from|import) (?:libs|services|deploy)", file.read_text(), re.MULTILINE), file


@every_service
def test_migration_files_are_named_by_revision_in_order(service: str):
    """At a start their names alone say what this code knows."""
    history = ScriptDirectory.from_config(configuration(service)).walk_revisions()
    assert revisions(service) == [script.revision for script in history][::-1]


@every_service
@every_kind
async def test_start_is_refused_with_instructions_when_migrations_are_pending(url: str, service: str, tls: Path):
    async def start() -> None:
        async with open_database(settings_of(url, tls), service=service):
            raise AssertionError

    with pytest.raises(PendingMigrations) as refusal:
        await start()
    assert "the database schema has revision none, the code needs " in str(refusal.value)
    assert f"python -m services.{schema_of(service)} migrate" in str(refusal.value)
    assert "LATCHKEY_MIGRATE_ON_START=true" in str(refusal.value)


@every_service
@every_kind
async def test_migrate_on_start_applies_pending_migrations_once(url: str, service: str, tls: Path):
    async with open_database(settings_of(url, tls, migrate_on_start=True), service=service) as database:
        assert await asked(database, tables) == set(metadata_of(service).tables)
    async with open_database(settings_of(url, tls), service=service) as database:
        assert (await database.check()).ok


@every_kind
@pytest.mark.parametrize("service", ["device"])
@pytest.mark.parametrize("migrate_on_start", [False, True])
async def test_start_succeeds_with_a_newer_schema(url: str, tls: Path, *, migrate_on_start: bool):
    at_first = settings_of(url, tls, migrate_on_start=True)
    async with open_database(at_first, service="device") as database, database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with captured_log() as log:
        settings = settings_of(url, tls, migrate_on_start=migrate_on_start)
        async with open_database(settings, service="device") as database:
            assert (await database.check()).ok
    assert log.messages() == ["schema.newer"]


@every_service
@pytest.mark.parametrize("kind", ["postgresql"])  # SQLite has one process
async def test_concurrent_migrations_all_succeed(service: str, url: str):
    replicas = [Database.open(url, schema=schema_of(service)) for _ in range(3)]
    await asyncio.gather(*(upgrade(replica, service=service) for replica in replicas))
    for replica in replicas:
        assert await asked(replica, tables) == set(metadata_of(service).tables)
        await replica.close()


async def test_migration_waits_for_another_replica_without_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_module, "LOCK_MILLISECONDS", 50)
    monkeypatch.setattr(database_module, "STATEMENT_MILLISECONDS", 100)
    waits = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND clock_timestamp() - waitstart > interval '150 ms'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with fresh_database("postgresql", service="device", folder=tmp_path) as first:
        async with first.engine.begin() as migrating:
            await migrating.execute(text(f"SELECT pg_advisory_xact_lock({schema_history._LOCK})"))
            second = Database.open(first.engine.url.render_as_string(hide_password=False), schema="another")
            waiting = asyncio.create_task(upgrade(second, service="device"))
            async with asyncio.timeout(20):
                while not (await migrating.execute(waits)).scalar_one():
                    assert not waiting.done(), waiting.exception()
        await waiting
        assert await asked(second, tables) == set(metadata_of("device").tables)
        async with second.engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA another CASCADE"))
        await second.close()


@every_kind
@pytest.mark.parametrize("service", ["device"])
async def test_table_rebuild_keeps_referring_rows(database: Database):
    """SQLite changes a table by making another one and dropping the first."""

    def change(connection: Connection) -> None:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("parents", recreate="always") as batch:
            batch.add_column(sa.Column("more", sa.Integer))

    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        await connection.execute(
            text("CREATE TABLE children (id INTEGER PRIMARY KEY, of INTEGER REFERENCES parents(id) ON DELETE CASCADE)")
        )
        await connection.execute(text("INSERT INTO parents (id) VALUES (1)"))
        await connection.execute(text("INSERT INTO children (id, of) VALUES (1, 1), (2, 1)"))
    if database.is_sqlite:
        async with database.rebuilding() as connection:
            await connection.run_sync(change)
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM children"))).scalar_one() == 2
        await session.execute(text("DELETE FROM parents"))
        assert (await session.execute(text("SELECT count(*) FROM children"))).scalar_one() == 0


def run(*arguments: str, url: str, tls: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")} | {
        "LATCHKEY_ISSUER": ISSUER,
        "LATCHKEY_TLS_CA": str(tls / "ca.pem"),
        "LATCHKEY_TLS_CERTIFICATE": str(tls / "device.pem"),
        "LATCHKEY_TLS_KEY": str(tls / "device.key"),
        "LATCHKEY_GRPC_LISTEN": "127.0.0.1:0",
        "LATCHKEY_DATABASE_URL": url,
        "LATCHKEY_NATS_URL": "nats://127.0.0.1:1",
    }
    return subprocess.run(
        [sys.executable, "-m", "services.device", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@every_kind
@pytest.mark.parametrize("service", ["device"])
async def test_migrate_command_applies_migrations_and_start_without_it_fails(url: str, tls: Path):
    refused = await asyncio.to_thread(run, url=url, tls=tls)
    assert refused.returncode == 1
    assert "run python -m services.device migrate" in refused.stderr
    assert "Traceback" not in refused.stderr
    replicas = 1 if url.startswith("sqlite") else 2
    migrated = await asyncio.gather(*(asyncio.to_thread(run, "migrate", url=url, tls=tls) for _ in range(replicas)))
    assert [(done.returncode, done.stderr) for done in migrated] == [(0, "")] * replicas
    async with open_database(settings_of(url, tls), service="device") as database:
        assert await asked(database, tables) == set(metadata_of("device").tables)


@pytest.mark.s(60)
@pytest.mark.parametrize("arguments", [(), ("migrate",)])
def test_unavailable_database_is_logged_without_the_password(arguments: tuple[str, ...], tls: Path):
    ended = run(*arguments, url="postgresql+asyncpg://latchkey:hunter2@127.0.0.1:1/latchkey", tls=tls)
    assert ended.returncode == 1
    assert "the database cannot be used: " in ended.stderr
    assert not any(word in ended.stderr for word in ("hunter2", "Traceback"))

"""Schemas of services in the PostgreSQL database of this process: migrated once, then emptied for each test."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.servicekit.sql.database import Database
from libs.servicekit.sql.schema_history import upgrade

_FINGERPRINT = text("""
    SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
        SELECT concat(relname, relkind, relpersistence) AS part FROM pg_class WHERE relnamespace = CAST(:schema AS regnamespace)
        UNION ALL
        SELECT concat(attrelid, attname, atttypid, attnotnull, attnum) FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = CAST(:schema AS regnamespace)
        UNION ALL
        SELECT concat(oid, conname) FROM pg_constraint WHERE connamespace = CAST(:schema AS regnamespace)
        UNION ALL
        SELECT concat(pg_trigger.oid, tgname) FROM pg_trigger
            JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = CAST(:schema AS regnamespace)
        UNION ALL
        SELECT concat(oid, proname) FROM pg_proc WHERE pronamespace = CAST(:schema AS regnamespace)
    ) AS parts
""")
_EMPTY = """
    DO $$
    DECLARE it record;
    BEGIN
        SET LOCAL session_replication_role = replica;  -- in any order, regardless of foreign keys
        FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' AND tablename <> 'alembic_version' LOOP
            EXECUTE format('DELETE FROM %I.%I', '{schema}', it.tablename);
        END LOOP;
        FOR it IN SELECT sequencename FROM pg_sequences WHERE schemaname = '{schema}' LOOP
            EXECUTE format('ALTER SEQUENCE %I.%I RESTART', '{schema}', it.sequencename);
        END LOOP;
    END $$
"""


class Schemas:
    """Empties the schema of a service, or migrates it again when a test changed its tables."""

    def __init__(self) -> None:
        self._as_migrated: dict[str, str] = {}

    async def make_fresh(self, database: Database, *, service: str) -> None:
        known = self._as_migrated.get(database.schema)
        async with database.engine.begin() as connection:
            # No other connection may use it: a connection left open by an earlier test fails here, close to its cause.
            if known is not None and await _fingerprint(connection, database.schema) == known:
                await connection.execute(text(_EMPTY.format(schema=database.schema)))
                return
            await connection.execute(text(f'DROP SCHEMA IF EXISTS "{database.schema}" CASCADE'))
        await upgrade(database, service=service)
        async with database.engine.begin() as connection:
            self._as_migrated[database.schema] = await _fingerprint(connection, database.schema)


async def _fingerprint(connection: AsyncConnection, schema: str) -> str:
    exists = await connection.scalar(text("SELECT to_regnamespace(:schema)"), {"schema": schema})
    return str(await connection.scalar(_FINGERPRINT, {"schema": schema})) if exists else ""

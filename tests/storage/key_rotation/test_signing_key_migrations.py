from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from libs.servicekit.database import Database
from libs.servicekit.migrations import configuration
from services.key_rotation.store.tables import METADATA


async def test_the_migrated_schema_is_the_one_that_the_code_describes(database: Database):
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_schema_can_be_taken_away_and_brought_back(database: Database):
    def tables(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}

    async with database.engine.begin() as connection:
        assert await connection.run_sync(tables) == set(METADATA.tables)
        await connection.run_sync(lambda sync: command.downgrade(configuration("key-rotation", sync), "base"))
        assert await connection.run_sync(tables) == set()
        await connection.run_sync(lambda sync: command.upgrade(configuration("key-rotation", sync), "head"))
        assert await connection.run_sync(tables) == set(METADATA.tables)

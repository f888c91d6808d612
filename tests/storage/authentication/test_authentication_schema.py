from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from libs.servicekit.database import Database
from services.authentication.store.tables import METADATA


async def test_the_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, METADATA))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_read_of_the_hot_path_has_its_index(database: Database) -> None:
    indexed = {tuple(index.columns.keys()) for index in METADATA.tables["sessions"].indexes}
    assert ("user_id", "last_seen_at") in indexed
    assert METADATA.tables["sessions"].c.secret_hash.unique
    assert METADATA.tables["users"].c.username_key.unique

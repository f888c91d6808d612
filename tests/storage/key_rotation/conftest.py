from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.servicekit.database import Database
from libs.servicekit.migrations import schema_of
from libs.servicekit.schema_history import upgrade
from tests.storage.key_rotation.replicas import Replica
from tests.support.databases import KINDS, fresh_url


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """LATCHKEY_DATABASE_URL of a database with the schema of this service and nothing in it; of each kind."""
    async with fresh_url(request.param, folder=tmp_path) as url:
        database = Database.open(url, schema=schema_of("key-rotation"))
        await upgrade(database, service="key-rotation")
        await database.close()
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database.open(url, schema=schema_of("key-rotation"))
    yield database
    await database.close()


@pytest.fixture
def replica(database: Database) -> Replica:
    return Replica(database)

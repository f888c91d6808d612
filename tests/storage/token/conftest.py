from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.servicekit.sql.database import Database
from tests.storage.token.world import World
from tests.support.databases import KINDS, fresh_database


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, service="token", folder=tmp_path) as database:
        yield database


@pytest.fixture
def world(database: Database) -> World:
    return World(database)

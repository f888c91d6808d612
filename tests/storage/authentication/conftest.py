from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.servicekit.sql.database import Database
from tests.storage.authentication.world import World
from tests.support.databases import KINDS, fresh_database


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, service="authentication", folder=tmp_path) as database:
        yield database


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    yield world
    world.passwords.close()


@pytest.fixture
async def alice(world: World) -> str:
    """The id of a user who can sign in."""
    return (await world.user("alice", name="Alice Example")).id

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.event_bridge.world import World
from tests.support.databases import KINDS, fresh_database


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with fresh_database(request.param, service="event-bridge", folder=tmp_path) as database:
        yield World(database)

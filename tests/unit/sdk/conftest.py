from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.unit.sdk.bus import NatsServer, Publisher, publisher_for


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def publisher(server: NatsServer) -> AsyncIterator[Publisher]:
    async with publisher_for(server.url) as publisher:
        await publisher.make_streams()
        yield publisher

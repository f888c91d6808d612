"""PostgreSQL falls silent without closing a connection, as after a failover that drops packets."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.sql import database as database_module
from libs.servicekit.sql.database import Database
from tests.storage.servicekit.world import World
from tests.support.silent_proxy import SilentProxy, silent_proxy

pytestmark = [pytest.mark.s(66), pytest.mark.parametrize("kind", ["postgresql"], indirect=True)]


@pytest.fixture
async def proxy(world: World) -> AsyncIterator[SilentProxy]:
    async with silent_proxy(world.database.engine.url) as proxy:
        yield proxy


@pytest.fixture
async def database(world: World, proxy: SilentProxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(database_module, "ANSWER_SECONDS", 0.3)
    url = proxy.url.render_as_string(hide_password=False)
    database = Database.open(url, schema=world.database.schema)
    yield database
    await database.close()


async def _read(database: Database) -> int:
    async with database.snapshot() as session:
        return int((await session.execute(text("SELECT 1"))).scalar_one())


async def _write(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))


async def _commit(database: Database, proxy: SilentProxy) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
        proxy.fall_silent()


async def test_reads_writes_and_commits_end_with_temporarily_unavailable(
    database: Database, proxy: SilentProxy
) -> None:
    await asyncio.gather(*(_read(database) for _ in range(3)))
    with pytest.raises(TemporarilyUnavailable):
        await _commit(database, proxy)
    for use in (_read, _write):
        with pytest.raises(TemporarilyUnavailable):
            async with asyncio.timeout(20):
                await use(database)


async def test_connections_of_the_pool_are_given_up_together(database: Database, proxy: SilentProxy) -> None:
    """Otherwise each of them would cost one request the whole time."""
    await asyncio.gather(*(_read(database) for _ in range(5)))
    proxy.fall_silent()
    with pytest.raises(TemporarilyUnavailable):
        await _read(database)
    proxy.pass_again()
    began = time.monotonic()
    assert await asyncio.gather(*(_read(database) for _ in range(5))) == [1] * 5
    assert time.monotonic() - began < 10

"""Clients in a replica's memory: fast, and never wrong for longer than half a minute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from services.token.adapters import client_directory
from services.token.adapters.client_directory import LIFETIME, CachedClients
from tests.storage.token.world import Registered, World
from tests.support.databases import statements


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client(client_name="Before")


async def _name(clients: CachedClients, client: Registered) -> str:
    found = await clients.find(client.client_id)
    return found.metadata.client_name if found else ""


@pytest.fixture
def replica(world: World) -> CachedClients:
    """Another one than that which changes the client."""
    return CachedClients(world.work, clock=world.clock)


async def test_a_client_is_read_once(world: World, client: Registered, replica: CachedClients) -> None:
    with statements(world.database) as sent:
        for _ in range(3):
            assert await _name(replica, client) == "Before"
    assert len(sent) == 1


async def test_a_event_about_any_client_empties_it(world: World, client: Registered, replica: CachedClients) -> None:
    await _name(replica, client)
    await world.update_client(client.client_id, {"client_name": "After"})
    assert await _name(replica, client) == "Before"
    await replica.on_event("latchkey.v1.client.updated.03")
    assert await _name(replica, client) == "After"


@pytest.mark.s(62)
async def test_created_client_does_not_empty_the_client_cache(
    world: World, client: Registered, replica: CachedClients
) -> None:
    assert await replica.find("c_new") is None
    await _name(replica, client)
    await replica.on_event("latchkey.v1.client.created.03")
    with statements(world.database) as sent:
        await _name(replica, client)
    assert sent == []


async def test_a_missed_event_is_made_up_for_in_half_a_minute(
    world: World, client: Registered, replica: CachedClients
) -> None:
    await _name(replica, client)
    await world.update_client(client.client_id, {"client_name": "After"})
    world.clock.move(LIFETIME - timedelta(microseconds=1))
    assert await _name(replica, client) == "Before"
    world.clock.move(timedelta(microseconds=1))
    assert await _name(replica, client) == "After"


async def test_a_deleted_client_is_forgotten(world: World, client: Registered, replica: CachedClients) -> None:
    await _name(replica, client)
    await world.delete_client(client.client_id)
    await replica.on_event("latchkey.v1.client.deleted.03")
    assert await replica.find(client.client_id) is None


async def test_a_new_client_works_at_once_though_it_was_asked_for_before(world: World, replica: CachedClients) -> None:
    assert await replica.find("c_new") is None
    client = await world.client()
    assert await replica.find(client.client_id) is not None


async def test_the_replica_that_changes_a_client_knows_at_once(world: World, client: Registered) -> None:
    first = await world.clients.find(client.client_id)
    await world.update_client(client.client_id, {"client_name": "After"})
    second = await world.clients.find(client.client_id)
    await world.rotate_secret(client.client_id, overlap=timedelta(0))
    third = await world.clients.find(client.client_id)
    assert first != second != third
    await world.delete_client(client.client_id)
    assert await world.clients.find(client.client_id) is None


class SlowReading:
    """Transactions whose next read holds its result back until the test releases it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.has_read = asyncio.Event()
        self.go_on = asyncio.Event()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        async with self._world.work.reading() as work:
            yield work
        self.has_read.set()
        await self.go_on.wait()


async def test_a_change_during_a_read_is_not_covered_by_it(world: World, client: Registered) -> None:
    slow = SlowReading(world)
    replica = CachedClients(cast(Any, slow), clock=world.clock)
    reading = asyncio.create_task(replica.find(client.client_id))
    await slow.has_read.wait()
    await world.update_client(client.client_id, {"client_name": "After"})
    await replica.on_event("latchkey.v1.client.updated.03")
    slow.go_on.set()
    await reading
    assert await _name(replica, client) == "After"


async def test_it_holds_so_many_and_no_more(
    world: World, client: Registered, replica: CachedClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_directory, "CAPACITY", 2)
    others = [await world.client() for _ in range(2)]
    await _name(replica, client)
    for other in others:
        await _name(replica, other)
    with statements(world.database) as sent:
        for other in others:
            await _name(replica, other)
        assert sent == []
        await _name(replica, client)
        assert len(sent) == 1


def test_it_listens_to_events_about_clients_only() -> None:
    assert client_directory.EVENTS == "latchkey.v1.client.>"
    assert timedelta(seconds=30) == LIFETIME

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats import bus as bus_module
from libs.servicekit.nats.bus import Bus
from tests.storage.servicekit.nats_server import NatsServer
from tests.storage.servicekit.world import World, until
from tests.support.databases import KINDS, fresh_database
from tests.support.mutual_tls import ISSUER, make_certificates

BusFor = Callable[..., Bus]
SCHEMA_FROM = "device"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def world(kind: str, tmp_path: Path) -> AsyncIterator[World]:
    """On a fresh database of each kind, with the outbox that a service's migrations make."""
    async with fresh_database(kind, service=SCHEMA_FROM, folder=tmp_path) as database:  # type: ignore[arg-type]
        world = World(database)
        await world.prepare()
        yield world


@pytest.fixture
async def other(world: World) -> AsyncIterator[World]:
    """Another process on the same database."""
    other = world.another_process()
    yield other
    await other.database.close()


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def bus_for(nats_server: NatsServer, tls: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BusFor]:
    """Makes a bus that is running; who needs it ready waits for that."""
    monkeypatch.setattr(bus_module, "RETRY_SECONDS", 0.05)
    settings = BusSettings(
        issuer=ISSUER,
        tls_ca=tls / "ca.pem",
        tls_certificate=tls / "token.pem",
        tls_key=tls / "token.key",
        nats_url=nats_server.url,
    )
    tasks = []

    def make(
        *,
        listening: Mapping[str, bus_module.Listener] = MappingProxyType({}),
        following: Mapping[str, bus_module.Follower] = MappingProxyType({}),
        publishes: bool = True,
        keeps_streams: bool = True,
    ) -> Bus:
        bus = Bus(settings, service="token", publishes=publishes, keeps_streams=keeps_streams)
        for subject, listener in listening.items():
            bus.listen(subject, listener)
        for subject, follower in following.items():
            bus.follow(subject, follower)
        tasks.append(asyncio.create_task(bus.run()))
        return bus

    yield make
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def bus(bus_for: BusFor) -> Bus:
    """Ready."""
    bus = bus_for()
    await until(lambda: bus.ready)
    return bus

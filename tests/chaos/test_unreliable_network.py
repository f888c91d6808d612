"""Messages are delayed and duplicated, acknowledgements lost, connections cut: the outbox and the stream must agree.

Real relays, real NATS, both databases; on PostgreSQL two relays run at once, as with two replicas.
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats import bus as bus_module
from libs.servicekit.nats.bus import Bus
from tests.chaos.nats_proxy import unreliable
from tests.storage.servicekit.nats_server import NatsServer
from tests.storage.servicekit.world import World, a_event
from tests.support.databases import KINDS, Kind, fresh_database
from tests.support.mutual_tls import ISSUER, make_certificates

EVENTS = int(os.environ.get("LATCHKEY_CHAOS_FACTS", "600"))
SUBJECTS = 20
SEED = os.environ.get("LATCHKEY_CHAOS_SEED", "0")


@asynccontextmanager
async def relaying(world: World, url: str, tls: Path) -> AsyncIterator[None]:
    """Runs the relay of one replica with its own connection."""
    settings = BusSettings(
        issuer=ISSUER,
        tls_ca=tls / "ca.pem",
        tls_certificate=tls / "token.pem",
        tls_key=tls / "token.key",
        nats_url=url,
    )
    bus = Bus(settings, service="token", keeps_streams=True)
    tasks = [asyncio.create_task(work) for work in (bus.run(), world.relay(bus).run())]
    yield
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def tell(world: World) -> None:
    """Commits EVENTS events about SUBJECTS users, for all users concurrently."""

    async def about(user: int) -> None:
        for number in range(EVENTS // SUBJECTS):
            await world.tell(a_event(f"user-{user}", number))

    await asyncio.gather(*map(about, range(SUBJECTS)))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
async def test_relay_publishes_every_event_once_and_in_order_over_an_unreliable_network(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "ACK_SECONDS", 0.3)  # time until a lost acknowledgement is detected
    server, tls = NatsServer(tmp_path / "nats"), make_certificates(tmp_path)
    await server.start()
    async with fresh_database(kind, service="device", folder=tmp_path) as database:
        world = World(database)
        await world.prepare()
        another = world.another_process() if kind == "postgresql" else None
        async with (
            unreliable(server.url, seed=SEED) as proxy,
            relaying(world, proxy.url, tls),
            relaying(another, proxy.url, tls) if another else _no_replica(),
        ):
            await tell(world)
            async with asyncio.timeout(300):
                while True:
                    if not await world.waiting():
                        break
                    await asyncio.sleep(0.05)
        if another:
            await another.database.close()
        rows = {row.event_id: json.loads(row.envelope) for row in await world.rows()}
        messages = await server.messages()
    server.stop()

    assert min(proxy.did[what] for what in ("duplicated", "delayed", "lost an acknowledgement", "cut")) > 0, proxy.did
    assert len(rows) == EVENTS
    assert {message.event["id"]: message.event for message in messages} == rows, "lost, invented or changed"
    assert len(messages) == len(rows), "published twice"
    order: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        order[message.event["subject"]].append(message.event["subjectseq"])
    assert all(numbers == sorted(numbers) for numbers in order.values())


@asynccontextmanager
async def _no_replica() -> AsyncIterator[None]:
    yield

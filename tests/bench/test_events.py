"""`make bench`: from the commit of a fact to its delivery at a subscriber, at 1,000 facts a second for a minute.

An open loop: facts are told by the clock, whether or not those before them have arrived, so what is slow shows as lag.

LATCHKEY_BENCH_SECONDS says for how long. Figures are printed, never judged here: they depend on the machine and on what
else it does.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles

import nats
import pytest
from nats.aio.msg import Msg

from libs.servicekit.bus import Bus
from libs.servicekit.facts import Fact
from libs.servicekit.settings import BusSettings
from tests.storage.servicekit.nats_server import NatsServer
from tests.storage.servicekit.world import World, a_fact, until
from tests.support.databases import KINDS, Kind, fresh_database
from tests.support.mutual_tls import ISSUER, make_certificates

SECONDS = float(os.environ.get("LATCHKEY_BENCH_SECONDS", "60"))
PER_SECOND = 1_000
AT_ONCE = 20
"""Facts of one transaction, each about another person: a fiftieth of a second of a busy service."""


@asynccontextmanager
async def _relaying(world: World, folder: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(folder / "nats")
    await server.start()
    tls = make_certificates(folder)
    settings = BusSettings(
        issuer=ISSUER,
        tls_ca=tls / "ca.pem",
        tls_certificate=tls / "token.pem",
        tls_key=tls / "token.key",
        nats_url=server.url,
    )
    bus = Bus(settings, service="token")
    tasks = [asyncio.create_task(work) for work in (bus.run(), world.relay(bus).run())]
    await until(lambda: bus.ready)
    yield server
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    server.stop()


async def _tell(world: World, committed: dict[str, float]) -> None:
    """PER_SECOND facts a second, or as many as the machine can."""
    began = time.perf_counter()
    for turn in range(int(SECONDS * PER_SECOND / AT_ONCE)):
        await asyncio.sleep(max(0.0, began + turn * AT_ONCE / PER_SECOND - time.perf_counter()))
        facts: list[Fact] = [a_fact(f"user-{turn}-{number}") for number in range(AT_ONCE)]
        await world.tell(*facts)
        now = time.perf_counter()
        committed.update({fact.subject: now for fact in facts})


async def _watch(lags: list[int], committed: dict[str, float], delivered: dict[str, float]) -> None:
    """How many facts are on their way, ten times a second."""
    while True:
        lags.append(len(committed) - len(delivered))
        await asyncio.sleep(0.1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
async def test_from_commit_to_delivery(kind: Kind, tmp_path: Path) -> None:
    committed: dict[str, float] = {}
    delivered: dict[str, float] = {}

    async def deliver(message: Msg) -> None:
        delivered[json.loads(message.data)["subject"]] = time.perf_counter()

    async with fresh_database(kind, service="device", folder=tmp_path) as database:
        world = World(database)
        await world.prepare()
        async with _relaying(world, tmp_path) as server:
            client = await nats.connect(server.url)
            await client.jetstream().subscribe(
                "latchkey.v1.>", stream="LATCHKEY_EVENTS", cb=deliver, ordered_consumer=True
            )
            began = time.perf_counter()
            lags: list[int] = []
            watching = asyncio.create_task(_watch(lags, committed, delivered))
            await _tell(world, committed)
            told = len(committed) / (time.perf_counter() - began)
            last = time.perf_counter()
            await until(lambda: len(delivered) == len(committed), seconds=120)
            behind = time.perf_counter() - last
            watching.cancel()
            await client.close()
    took = [(delivered[subject] - at) * 1_000 for subject, at in committed.items()]
    cuts = quantiles(took, n=1_000)
    print(
        f"\n{kind}: {len(took)} facts, {told:.0f}/s for {SECONDS:.0f} s; commit to delivery p50 {cuts[499]:.0f} ms, "
        f"p99 {cuts[989]:.0f} ms, longest {max(took):.0f} ms; on their way at most {max(lags)} facts, "
        f"the last of them {behind * 1_000:.0f} ms after the last commit; load {os.getloadavg()[0]:.1f}"
    )

"""`make bench`: time from the commit of an event to its delivery at a subscriber, at 1,000 events per second for a minute.

Events are emitted at a fixed rate, independent of deliveries, so that a slow part shows as lag.
One process emits and relays, as a service does; the subscriber is another process.

LATCHKEY_BENCH_SECONDS sets the duration. The test prints figures and asserts no limits, because they depend on the
machine and its load.
"""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles

import pytest

from libs.servicekit.base.settings import BusSettings
from libs.servicekit.events.event import Event
from libs.servicekit.nats.bus import Bus
from tests.storage.servicekit.nats_server import NatsServer
from tests.storage.servicekit.world import World, a_event, until
from tests.support.databases import KINDS, Kind, fresh_database
from tests.support.mutual_tls import ISSUER, make_certificates

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("LATCHKEY_BENCH_SECONDS", "60"))
PER_SECOND = 1_000
AT_ONCE = 20
"""Events per transaction, each about another user: 20 ms of a busy service."""


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
    bus = Bus(settings, service="token", keeps_streams=True)
    tasks = [asyncio.create_task(work) for work in (bus.run(), world.relay(bus).run())]
    await until(lambda: bus.ready)
    yield server
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    server.stop()


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "tests.bench.event_reader", url]
    reader = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 26, cwd=ROOT)
    assert reader.stdout
    assert (await reader.stdout.readline()) == b"ready\n"
    yield reader
    await reader.wait()


async def _what_came(reader: Process, *, of: int) -> Mapping[str, float]:
    """Subject -> arrival time; waits until `of` events have arrived."""
    assert reader.stdout
    assert reader.stdin
    async with asyncio.timeout(300):
        line = await reader.stdout.readline()
        while int(line) < of:
            line = await reader.stdout.readline()
        reader.stdin.close()
        while not line.startswith(b"{"):
            line = await reader.stdout.readline()
    came: dict[str, float] = json.loads(line)
    return came


async def _tell(world: World) -> Mapping[str, float]:
    """Emits PER_SECOND events per second if the machine can. Returns subject -> commit time."""
    committed: dict[str, float] = {}
    began = time.perf_counter()
    for turn in range(int(SECONDS * PER_SECOND / AT_ONCE)):
        await asyncio.sleep(max(0.0, began + turn * AT_ONCE / PER_SECOND - time.perf_counter()))
        events: list[Event] = [a_event(f"user-{turn}-{number}") for number in range(AT_ONCE)]
        await world.tell(*events)
        now = time.perf_counter()
        committed.update({event.subject: now for event in events})
    return committed


def _most_on_their_way(committed: Mapping[str, float], came: Mapping[str, float]) -> int:
    steps = sorted([*((at, 1) for at in committed.values()), *((at, -1) for at in came.values())])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
async def test_time_from_commit_to_delivery(kind: Kind, tmp_path: Path) -> None:
    async with fresh_database(kind, service="device", folder=tmp_path) as database:
        world = World(database)
        await world.prepare()
        async with _relaying(world, tmp_path) as server, _reading(server.url) as reader:
            began = time.perf_counter()
            committed = await _tell(world)
            rate = len(committed) / (time.perf_counter() - began)
            came = await _what_came(reader, of=len(committed))
    took = [(came[subject] - at) * 1_000 for subject, at in committed.items()]
    cuts = quantiles(took, n=1_000)
    print(
        f"\n{kind}: {len(took)} events, {rate:.0f}/s for {SECONDS:.0f} s; commit to delivery p50 {cuts[499]:.0f} ms, "
        f"p99 {cuts[989]:.0f} ms, longest {max(took):.0f} ms; on their way at most {_most_on_their_way(committed, came)} "
        f"events, the last came {(max(came.values()) - max(committed.values())) * 1_000:.0f} ms after the last commit; "
        f"load of the machine {os.getloadavg()[0]:.1f}"
    )

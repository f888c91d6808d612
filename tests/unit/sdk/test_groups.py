"""Workers that share events by shards: concurrent for different subjects, in order for each subject."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from latchkey_sdk import Event, subscribe
from latchkey_sdk.filters import SHARDS, covers, in_shard, subject_of
from libs.servicekit.events import event as emitted
from tests.unit.sdk.bus import NatsServer, Publisher, until

ALL = range(SHARDS)
Handler = Callable[[Event], Awaitable[None]]


@asynccontextmanager
async def worker(server: NatsServer, handler: Handler, *, shards: Any = ALL, pattern: str = "login.>") -> Any:
    async with subscribe(pattern, servers=server.url, durable="crm", shards=shards, since="beginning") as events:
        handling = asyncio.create_task(events.handle(handler))
        yield handling
        handling.cancel()
        with suppress(asyncio.CancelledError):
            await handling


async def publish(publisher: Publisher, users: int, each: int) -> None:
    for number in range(each):
        for user in range(users):
            await publisher.event(subject=f"user-{user}", shard=user % SHARDS, id=f"{user}-{number}")


async def test_events_about_one_subject_stay_in_order_with_several_workers(
    server: NatsServer, publisher: Publisher
) -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    workers: set[str] = set()

    def handled_by(name: str) -> Handler:
        async def handle(event: Event) -> None:
            await asyncio.sleep(0.001)
            workers.add(name)
            seen[event.subject].append(event.id)

        return handle

    await publish(publisher, users=20, each=10)
    async with worker(server, handled_by("a")), worker(server, handled_by("b")), worker(server, handled_by("c")):
        await until(lambda: sum(map(len, seen.values())) >= 200)
    assert workers == {"a", "b", "c"}
    for user in range(20):
        assert seen[f"user-{user}"] == [f"{user}-{number}" for number in range(10)]


async def test_slow_handler_does_not_delay_other_shards(server: NatsServer, publisher: Publisher) -> None:
    others: list[str] = []
    stuck = asyncio.Event()

    async def handle(event: Event) -> None:
        if event.subject == "user-0":
            stuck.set()
            await asyncio.Event().wait()
        others.append(event.id)

    await publish(publisher, users=3, each=2)
    async with worker(server, handle):
        await stuck.wait()
        await until(lambda: len(others) == 4)
    assert sorted(others) == ["1-0", "1-1", "2-0", "2-1"]


async def test_failed_event_is_redelivered_before_later_events(
    server: NatsServer, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "latchkey_sdk")
    tried: list[str] = []

    async def handle(event: Event) -> None:
        tried.append(event.id)
        if len(tried) == 1:
            raise RuntimeError(event.id)

    await publish(publisher, users=1, each=2)
    async with worker(server, handle):
        await until(lambda: len(tried) == 3)
    assert tried == ["0-0", "0-0", "0-1"]


async def test_unfinished_event_is_redelivered_at_once_when_its_worker_stops(
    server: NatsServer, publisher: Publisher
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def hang(_: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def handle(_: Event) -> None:
        done.set()

    await publish(publisher, users=1, each=1)
    async with worker(server, hang):
        await begun.wait()
    async with worker(server, handle), asyncio.timeout(5):  # sooner than the redelivery of the server
        await done.wait()


async def test_worker_handles_only_its_shards(server: NatsServer, publisher: Publisher) -> None:
    seen: list[str] = []

    async def handle(event: Event) -> None:
        seen.append(event.id)

    await publish(publisher, users=4, each=1)
    async with worker(server, handle, shards=[1, 3]):
        await until(lambda: len(seen) == 2)
    assert sorted(seen) == ["1-0", "3-0"]
    async with worker(server, handle):
        await until(lambda: len(seen) == 4)
    assert sorted(seen) == ["0-0", "1-0", "2-0", "3-0"]


@pytest.mark.parametrize("pattern", ["login.>", "login", "login.succeeded", "*.revoked", ">"])
def test_shards_cover_the_whole_filter(pattern: str) -> None:
    whole = subject_of(pattern)
    parts = {in_shard(whole, shard) for shard in ALL}
    assert len(parts) == SHARDS == emitted.SHARDS
    assert all(covers(whole, part) for part in parts)


@pytest.mark.parametrize("arguments", [
    {"shards": ALL},
    {"shards": [], "durable": "crm"},
    {"shards": [16], "durable": "crm"},
    {"shards": [-1], "durable": "crm"},
    {"shards": ALL, "durable": "crm", "pattern": "login.succeeded.07"},
])  # fmt: skip
def test_invalid_shards_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        subscribe(**arguments)

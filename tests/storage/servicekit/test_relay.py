import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import insert, text

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.events import relay as relay_module
from libs.servicekit.events.relay import Relay
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.publish_acks import Outgoing
from tests.storage.servicekit.conftest import BusFor
from tests.storage.servicekit.nats_server import Message, NatsServer
from tests.storage.servicekit.world import NOON, OUTBOX, World, a_event, until
from tests.support.log_lines import captured_log


@pytest.fixture
def relay(world: World, bus: Bus) -> Relay:
    return world.relay(bus)


@pytest.fixture
async def running() -> AsyncIterator[Any]:
    """Runs a relay as the service does."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda relay: tasks.append(asyncio.create_task(relay.run()))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def in_order(messages: list[Message]) -> dict[str, list[int]]:
    """Subject -> sequence numbers as the stream has them."""
    sequences = defaultdict(list)
    for message in messages:
        sequences[message.event["subject"]].append(message.event["subjectseq"])
    return dict(sequences)


async def test_queued_events_are_published_once_and_in_order(world: World, relay: Relay, nats_server: NatsServer):
    for number in range(5):
        await world.tell(a_event("a", number), a_event("b", number))
    assert await relay.drain() == 10
    assert await relay.drain() == 0
    assert await world.waiting() == 0
    assert in_order(await nats_server.messages()) == {"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5]}


async def test_message_has_the_envelope_and_headers(world: World, relay: Relay, nats_server: NatsServer):
    await world.tell(a_event("a"))
    await relay.drain()
    (row,), (message,) = await world.rows(), await nats_server.messages()
    assert (message.stream, message.subject) == ("LATCHKEY_EVENTS", row.nats_subject)
    assert message.event == json.loads(row.envelope)
    assert message.headers["Nats-Msg-Id"] == message.headers["ce-id"] == row.event_id
    assert message.headers["ce-type"] == "latchkey.account.created.v1"
    assert message.headers.get("traceparent") == message.event.get("traceparent")
    assert row.sent_at == NOON


async def test_drain_publishes_several_batches_of_a_shard(
    world: World, relay: Relay, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "BATCH", 4)
    await world.tell(*(a_event("a", number) for number in range(11)))
    assert await relay.drain() == 11
    assert in_order(await nats_server.messages()) == {"a": list(range(1, 12))}


async def test_events_stay_queued_while_nats_is_unavailable(
    world: World, relay: Relay, bus: Bus, nats_server: NatsServer
):
    await world.tell(a_event("a", 1))
    await relay.drain()
    nats_server.stop()
    await until(lambda: not bus.ready)
    async with asyncio.timeout(2):
        await world.tell(a_event("a", 2))
        with pytest.raises(ConnectionError):
            await relay.drain()
    assert await world.waiting() == 1
    await nats_server.start()
    await until(lambda: bus.ready)
    assert await relay.drain() == 1
    assert in_order(await nats_server.messages()) == {"a": [1, 2]}


async def test_relay_publishes_at_once_and_resumes_after_an_outage(
    world: World, bus: Bus, nats_server: NatsServer, running: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "IDLE_SECONDS", 0.05)
    with captured_log(level="info") as log:
        running(world.relay(bus))
        await world.tell(a_event("a", 1))
        await drained(world)
        nats_server.stop()
        await until(lambda: not bus.ready)
        for number in (2, 3):
            await world.tell(a_event("a", number))
        await until(lambda: "outbox.relay_blocked" in log.text)
        await nats_server.start()
        await drained(world)
        await until(lambda: "outbox.relay_resumed" in log.text)
    assert in_order(await nats_server.messages()) == {"a": [1, 2, 3]}
    assert log.messages().count("outbox.relay_blocked") == 1


async def test_commit_wakes_the_relay(world: World, bus: Bus, running: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relay_module, "IDLE_SECONDS", 3600)
    running(world.relay(bus))
    for number in range(3):
        await world.tell(a_event("a", number))
        await drained(world)


async def drained(world: World) -> None:
    async with asyncio.timeout(15):
        while await world.waiting():  # noqa: ASYNC110 - the bus is another process
            await asyncio.sleep(0.01)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("killed_at", ["_mark", "_publish"])
async def test_event_published_but_not_marked_is_not_duplicated(
    world: World, bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, killed_at: str
):
    await world.tell(*(a_event(subject, number) for subject in "abc" for number in range(4)))

    async def die(*_: Any) -> None:
        raise Killed

    dying = world.relay(bus)
    monkeypatch.setattr(dying, killed_at, die)
    with pytest.raises(Killed):
        await dying.drain()
    assert await world.waiting() == 12
    assert await world.relay(bus).drain() == 12
    assert in_order(await nats_server.messages()) == {subject: [1, 2, 3, 4] for subject in "abc"}


async def test_order_is_kept_when_part_of_a_subject_was_not_marked(world: World, relay: Relay, nats_server: NatsServer):
    await world.tell(*(a_event("a", number) for number in range(4)))
    await relay.drain()
    async with world.database.transaction() as session:
        await session.execute(OUTBOX.update().values(sent_at=None))
    await world.tell(a_event("a", 4))
    assert await relay.drain() == 5
    assert in_order(await nats_server.messages()) == {"a": [1, 2, 3, 4, 5]}


def counting(bus: Bus, published: list[str]) -> Bus:
    """The bus, with the ids of what is published through it."""
    publish_all = bus.publish_all

    async def counted(messages: Sequence[Outgoing]) -> Mapping[str, str]:
        published.extend(message.event_id for message in messages)
        return await publish_all(messages)

    bus.publish_all = counted  # type: ignore[method-assign]
    return bus


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)  # SQLite has one process, and so one relay
async def test_concurrent_relays_publish_each_event_once_and_in_order(
    world: World, bus_for: BusFor, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "BATCH", 3)
    published: list[str] = []
    async with AsyncExitStack() as stack:
        processes = [world.another_process() for _ in range(4)]
        buses = [counting(bus_for(), published) for _ in processes]
        for process in processes:
            stack.push_async_callback(process.database.close)
        await until(lambda: all(bus.ready for bus in buses))

        async def produce(process: World, number: int) -> None:
            for at in range(6):
                await process.tell(*(a_event(f"user-{(number + at) % 5}", at) for _ in range(2)))

        async def relay(process: World, bus: Bus) -> None:
            mine = process.relay(bus)
            while not produced.is_set():
                await mine.drain()
                await asyncio.sleep(0)
            await mine.drain()

        produced = asyncio.Event()
        relays = [asyncio.create_task(relay(*pair)) for pair in zip(processes, buses, strict=True)]
        await asyncio.gather(*(produce(process, number) for number, process in enumerate(processes)))
        produced.set()
        await asyncio.gather(*relays)
        await processes[0].relay(buses[0]).drain()
    messages = await nats_server.messages()
    assert await world.waiting() == 0
    assert len(messages) == 48
    assert Counter(published) == {message.event["id"]: 1 for message in messages}  # not even tried twice
    for subject, numbers in in_order(messages).items():
        assert numbers == list(range(1, len(numbers) + 1)), subject


async def test_refused_event_blocks_its_own_subject_only(world: World, relay: Relay, nats_server: NatsServer):
    poison = {"event_id": "poison", "subject": "p", "nats_subject": "latchkey.v1.made.up.00", "envelope": "{}"}
    async with world.database.transaction() as session:
        rows = [poison | {"event_id": f"poison-{shard}", "shard": shard, "created_at": NOON} for shard in range(16)]
        await session.execute(insert(OUTBOX), rows)
    await world.tell(*(a_event(f"user-{number}") for number in range(40)))
    with pytest.raises(ConnectionError, match="did not acknowledge 16 events"):
        await relay.drain()
    assert await world.waiting() == 16
    assert len(await nats_server.messages()) == 40


async def test_events_after_a_refused_event_of_the_subject_stay_queued(
    world: World, relay: Relay, nats_server: NatsServer
):
    await world.tell(*(a_event("a", number) for number in range(3)))
    second = (await world.rows())[1]

    async def name_it(nats_subject: str) -> None:
        async with world.database.transaction() as session:
            await session.execute(
                OUTBOX.update().where(OUTBOX.c.position == second.position).values(nats_subject=nats_subject)
            )

    await name_it("latchkey.v1.made.up.00")
    with pytest.raises(ConnectionError):
        await relay.drain()
    assert in_order(await nats_server.messages()) == {"a": [1]}
    await name_it(second.nats_subject)
    assert await relay.drain() == 2
    assert in_order(await nats_server.messages()) == {"a": [1, 2, 3]}


async def test_purge_deletes_sent_events_after_an_hour_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch, relay: Relay
):
    monkeypatch.setattr(relay_module, "PURGE_BATCH", 4)
    await world.tell(*(a_event("a", number) for number in range(15)))
    positions = [row.position for row in await world.rows()]
    await world.mark_sent(NOON - timedelta(hours=1, seconds=1), positions=positions[:10])
    await world.mark_sent(NOON - timedelta(minutes=59), positions=positions[10:13])
    left = []
    while await relay.purge():
        left.append(len(await world.rows()))
    assert left == [11, 7]
    assert [row.position for row in await world.rows()] == positions[10:]


async def test_purge_returns_false_when_nothing_is_left(relay: Relay):
    assert await relay.purge() is False


async def test_sequence_continues_after_a_purge(world: World, relay: Relay, nats_server: NatsServer):
    await world.tell(a_event("a"), a_event("a"))
    await relay.drain()
    world.clock.move(timedelta(hours=2))
    await relay.purge()
    assert await world.rows() == []
    await world.tell(a_event("a"))
    await relay.drain()
    assert in_order(await nats_server.messages()) == {"a": [1, 2, 3]}


async def test_long_backlog_is_a_warning_only(world: World, relay: Relay):
    result = await relay.check()
    assert (result.ok, result.required, result.detail) == (True, False, "0 queued")
    await world.tell(a_event("a"), a_event("b"))
    world.clock.move(timedelta(minutes=4))
    assert (await relay.check()).ok
    world.clock.move(timedelta(minutes=2))
    result = await relay.check()
    assert (result.ok, result.required, result.detail) == (False, False, "2 queued")
    assert REGISTRY.get_sample_value("latchkey_outbox_backlog") == 2
    assert REGISTRY.get_sample_value("latchkey_outbox_oldest_seconds") == 360


async def test_uncountable_backlog_is_a_warning_only(world: World, relay: Relay, monkeypatch: pytest.MonkeyPatch):
    async def too_many(*_: Any) -> None:
        await asyncio.Event().wait()

    async def away(*_: Any) -> None:
        raise TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE)

    monkeypatch.setattr(relay_module, "COUNT_SECONDS", 0.01)
    for trouble in (too_many, away):
        monkeypatch.setattr(relay, "_backlog", trouble)
        result = await relay.check()
        assert (result.ok, result.required) == (False, False)


async def test_relay_query_uses_the_index(kind: str, world: World):
    await world.tell(*(a_event(f"user-{number}") for number in range(50)))
    query = "SELECT position FROM outbox WHERE sent_at IS NULL AND shard = 3 ORDER BY position LIMIT 10"
    async with world.database.snapshot() as session:
        if kind == "postgresql":
            await session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN " if kind == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = (await session.execute(text(explain + query))).all()
    assert "outbox_unsent" in str(plan)
    assert "sort" not in str(plan).lower().replace("enable_sort", "")


async def test_busy_relay_publishes_what_another_replica_left_behind(
    world: World, other: World, bus: Bus, running: Any, monkeypatch: pytest.MonkeyPatch
):
    """A relay that is woken all the time looks at its own shards; it must look at the others now and then."""
    monkeypatch.setattr(relay_module, "IDLE_SECONDS", 0.1)
    own, left_behind = a_event("own"), a_event("left behind")
    assert own.shard != left_behind.shard
    running(world.relay(bus))
    await other.tell(left_behind)
    async with asyncio.timeout(15):
        while left_behind.subject in {row.subject for row in await world.rows() if row.sent_at is None}:
            await world.tell(own)

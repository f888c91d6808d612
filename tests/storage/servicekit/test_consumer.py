"""A durable consumer handles every event at least once, whatever happens to the server, the database and the handler."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import nats
import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.metrics import CONSUMED
from libs.servicekit.events import consumer as consumer_module
from libs.servicekit.events.consumer import EVENTS, Consumer, Handler, Received, pause_after
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.publish_acks import Outgoing
from tests.storage.servicekit.conftest import BusFor
from tests.storage.servicekit.nats_server import NatsServer
from tests.storage.servicekit.world import until

NAME = "token-session-ended"
SUBJECT = "latchkey.v1.session.ended"
Starts = Callable[..., Consumer]


class Handled:
    """Remembers what it was given, and fails as a test says."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.given: list[str] = []
        self.done: list[str] = []

    async def __call__(self, event: Received) -> None:
        self.given.append(event.id)
        if self.failures:
            raise self.failures.pop(0)
        self.done.append(event.id)


@pytest.fixture
async def consume(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Starts]:
    """Runs a consumer with a handler until the end of the test."""
    monkeypatch.setattr(consumer_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(consumer_module, "FETCH_SECONDS", 0.5)
    monkeypatch.setattr(consumer_module, "pause_after", lambda _: pause_after(0) / 20)
    tasks: list[asyncio.Task[None]] = []

    def start(handle: Handler, *, on: Bus = bus) -> Consumer:
        consumer = Consumer(on, name=NAME, subject=f"{SUBJECT}.*", handle=handle)
        tasks.append(asyncio.create_task(consumer.run()))
        return consumer

    yield start
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def tell(bus: Bus, *ids: str, subject: str = f"{SUBJECT}.03", body: str | None = None) -> None:
    for event_id in ids:
        event = {"id": event_id, "type": "latchkey.session.ended.v1", "subject": "user-1", "data": {"session_id": "s"}}
        await bus.publish(Outgoing(subject, json.dumps(event) if body is None else body, event_id, {}))


def counted(outcome: str) -> float:
    return float(CONSUMED.labels(NAME, outcome)._value.get())


async def pending(server: NatsServer) -> tuple[int, int]:
    """Numbers of undelivered events and of unacknowledged events."""
    client = await nats.connect(server.url)
    info = await client.jetstream().consumer_info(EVENTS, NAME)
    await client.close()
    return info.num_pending or 0, info.num_ack_pending or 0


async def test_consumer_handles_matching_events_once_from_before_and_after_the_start(
    bus: Bus, consume: Starts, nats_server: NatsServer
) -> None:
    await tell(bus, "before")
    await tell(bus, "another", subject="latchkey.v1.session.created.03")
    handled = Handled()
    consumer = consume(handled)
    await until(lambda: handled.done)
    await tell(bus, "after")
    await until(lambda: len(handled.done) == 2)
    assert handled.given == ["before", "after"]
    assert (await consumer.check()).ok
    while await pending(nats_server) != (0, 0):  # noqa: ASYNC110 - in another process
        await asyncio.sleep(0)


async def test_handler_is_retried_while_the_database_is_unavailable(bus: Bus, consume: Starts) -> None:
    handled = Handled(*[TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE)] * 20)
    consume(handled)
    before = counted("given_up")
    await tell(bus, "one")
    await until(lambda: handled.done)
    assert len(handled.given) == 21
    assert counted("given_up") == before


async def test_failing_event_is_retried_and_does_not_block_others(bus: Bus, consume: Starts) -> None:
    handled = Handled(RuntimeError("once"), RuntimeError("twice"))
    consume(handled)
    await tell(bus, "one", "two")
    await until(lambda: sorted(handled.done) == ["one", "two"])


async def test_event_is_given_up_after_the_last_attempt_and_counted(
    bus: Bus, consume: Starts, monkeypatch: pytest.MonkeyPatch, nats_server: NatsServer
) -> None:
    monkeypatch.setattr(consumer_module, "MAX_ATTEMPTS", 3)
    handled = Handled(*[RuntimeError("always")] * 3)
    before = counted("given_up"), counted("malformed")
    consume(handled)
    await tell(bus, "one")
    await until(lambda: counted("given_up") == before[0] + 1)
    assert handled.given == ["one"] * 3
    await tell(bus, "odd", body="no envelope")
    await until(lambda: counted("malformed") == before[1] + 1)
    other = {"id": "other", "type": "latchkey.login.succeeded.v1", "subject": "user-1", "data": {"session_id": "s"}}
    await tell(bus, "other", body=json.dumps(other))
    await until(lambda: counted("malformed") == before[1] + 2)
    await tell(bus, "two")
    await until(lambda: handled.done == ["two"])


async def test_consumer_continues_after_a_nats_restart(bus: Bus, consume: Starts, nats_server: NatsServer) -> None:
    """A pull request is lost with the server, and the client does not report it (nats-io/nats.py#504)."""
    handled = Handled()
    consume(handled)
    await tell(bus, "one")
    await until(lambda: handled.done)
    nats_server.stop()
    await until(lambda: not bus.ready)
    await nats_server.start()
    await until(lambda: bus.ready)
    await tell(bus, "two")
    await until(lambda: handled.done == ["one", "two"])


async def test_deleted_consumer_is_created_again(bus: Bus, consume: Starts, nats_server: NatsServer) -> None:
    handled = Handled()
    consume(handled)
    await tell(bus, "one")
    await until(lambda: handled.done)
    client = await nats.connect(nats_server.url)
    await client.jetstream().delete_consumer(EVENTS, NAME)
    await client.close()
    await tell(bus, "two")
    await until(lambda: "two" in handled.done)


async def test_replicas_share_the_events_of_a_consumer(bus_for: BusFor, bus: Bus, consume: Starts) -> None:
    other = bus_for()
    await until(lambda: other.ready)
    here, there = Handled(), Handled()
    consume(here)
    consume(there, on=other)
    ids = [str(number) for number in range(40)]
    await tell(bus, *ids)
    await until(lambda: len(here.done) + len(there.done) == 40)
    assert sorted(here.done + there.done) == sorted(ids)


async def test_unacknowledged_event_is_redelivered_to_another_replica(
    bus: Bus, consume: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "ACK_WAIT_SECONDS", 1.0)
    began = asyncio.Event()

    async def hangs(_: Received) -> None:
        began.set()
        await asyncio.Event().wait()

    dying = Consumer(bus, name=NAME, subject=f"{SUBJECT}.*", handle=hangs)
    task = asyncio.create_task(dying.run())
    await tell(bus, "one")
    await began.wait()
    task.cancel()
    handled = Handled()
    consume(handled)
    await until(lambda: handled.done == ["one"])


async def test_consumer_stops_when_cancelled_while_a_response_arrives(bus: Bus) -> None:
    """asyncio.wait_for, which the client is built on, prefers the answer (until Python 3.12)."""
    handled = Handled()
    consumer = Consumer(bus, name=NAME, subject=f"{SUBJECT}.*", handle=handled)
    task = asyncio.create_task(consumer.run())
    settle = consumer._settle

    async def settle_and_cancel(message: Any) -> None:
        await settle(message)
        with suppress(asyncio.CancelledError):
            task.cancel()
            await asyncio.sleep(0)

    consumer._settle = settle_and_cancel  # type: ignore[method-assign]
    await tell(bus, "one")
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert handled.done == ["one"]


async def test_consumer_stops_when_cancelled_while_the_connection_closes(
    bus_for: BusFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at a shutdown, where everything is cancelled at once."""
    bus = bus_for()
    await until(lambda: bus.ready)
    consumer = Consumer(bus, name=NAME, subject=f"{SUBJECT}.*", handle=Handled())
    task = asyncio.create_task(consumer.run())
    while not (await consumer.check()).ok:  # noqa: ASYNC110 - in another process
        await asyncio.sleep(0)
    closing = asyncio.create_task(bus._client.close())
    task.cancel()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id":"","type":"t","subject":"s","data":{}}',
        b'{"id":1,"type":"t","subject":"s","data":{}}',
        b'{"id":"1","type":"t","subject":"s","data":[]}',
    ],
)
def test_malformed_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Received.of(body)


def test_envelope_of_a_newer_version_is_parsed() -> None:
    body: dict[str, Any] = {"id": "1", "type": "t", "subject": "s", "data": {"new": [1]}, "tomorrow": {}}
    assert Received.of(json.dumps(body).encode()) == Received("1", "t", "s", {"new": [1]})


def test_consumer_pauses_grow_to_the_limit() -> None:
    seconds = [pause_after(attempt).total_seconds() for attempt in range(1, 13)]
    assert seconds[:5] == [1, 2, 4, 8, 16]
    assert seconds[-1] == 600

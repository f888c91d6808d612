"""Token telemetry: bounded, never in the way, and honest about what it lost."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from libs.servicekit.base import trace
from libs.servicekit.base.metrics import TELEMETRY_DROPPED
from libs.servicekit.events.event import Event
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.publish_acks import Outgoing
from libs.servicekit.sql.database import Database
from services.token import events
from services.token.adapters import telemetry
from services.token.adapters.telemetry import BufferedTelemetry, SilentTelemetry
from services.token.store.tables import METADATA
from services.token.store.work import StoreWork
from tests.storage.token.world import World
from tests.unit.token.parts import ISSUER, NOON, SECOND, Clock


class Stream:
    """The bus as telemetry sees it. `away`: not connected; `deaf`: connected, and no acknowledgement comes."""

    def __init__(self) -> None:
        self.away = False
        self.deaf = False
        self.taken: list[tuple[str, Mapping[str, Any], str, Mapping[str, str]]] = []
        self.tries: list[str] = []
        self.arrived = asyncio.Event()

    @property
    def ready(self) -> bool:
        return not self.away

    async def publish_all(self, messages: Sequence[Outgoing]) -> Mapping[str, str]:
        self.tries += [message.event_id for message in messages]
        if self.deaf:
            return {message.event_id: "no answer" for message in messages}
        for message in messages:
            self.taken.append((message.subject, json.loads(message.body), message.event_id, message.headers))
        self.arrived.set()
        return {}


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def buffered(world: World, stream: Stream) -> BufferedTelemetry:
    return BufferedTelemetry(cast(Any, stream), world.work, issuer=ISSUER, clock=world.clock)


@pytest.fixture
def room_for_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "CAPACITY", 3)


def _issued(token_id: str) -> Event:
    return events.token_issued(
        client_id="c_shop",
        grant_type="client_credentials",
        scopes=("notes",),
        token_id=token_id,
        grant=None,
        correlation_id="",
    )


def _token_ids(stream: Stream) -> list[str]:
    return [body["data"]["token_id"] for _, body, _, _ in stream.taken]


async def test_what_is_recorded_is_published_as_it_was_then(
    world: World, buffered: BufferedTelemetry, stream: Stream
) -> None:
    trace_id = trace.begin()
    buffered.record(_issued("t-1"))
    trace.begin()
    world.clock.move(5 * SECOND)
    assert await buffered.flush() == 1
    [(subject, body, event_id, headers)] = stream.taken
    assert subject == _issued("t-1").nats_subject
    assert subject.startswith("latchkey.v1.token.issued.")
    assert (body["id"], body["type"], body["source"]) == (event_id, "latchkey.token.issued.v1", ISSUER)
    assert body["time"] == NOON.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert trace_id in body["traceparent"]
    assert "subjectseq" not in body
    assert headers == {"ce-id": event_id, "ce-type": "latchkey.token.issued.v1"}
    assert await buffered.flush() == 0
    assert await world.event_types() == []


async def test_events_stay_buffered_in_order_while_nats_is_unavailable(
    buffered: BufferedTelemetry, stream: Stream
) -> None:
    stream.away = True
    for number in range(250):
        buffered.record(_issued(f"t-{number}"))
    assert await buffered.flush() == 0
    assert stream.tries == []
    stream.away = False
    assert await buffered.flush() == 250
    assert _token_ids(stream) == [f"t-{number}" for number in range(250)]


async def test_what_was_not_acknowledged_is_published_again_under_the_same_id(
    buffered: BufferedTelemetry, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream may have it already: only the id tells that it is the same."""
    monkeypatch.setattr(telemetry, "BATCH", 2)
    stream.deaf = True
    for token_id in ("t-1", "t-2", "t-3"):
        buffered.record(_issued(token_id))
    assert await buffered.flush() == 0
    stream.deaf = False
    assert await buffered.flush() == 3
    assert _token_ids(stream) == ["t-1", "t-2", "t-3"]
    first_try, second_try = stream.tries[:2], stream.tries[2:4]
    assert first_try == second_try
    assert len(set(stream.tries)) == 3


@pytest.mark.usefixtures("room_for_three")
async def test_the_oldest_are_dropped_counted_and_reported_by_one_event(
    world: World, buffered: BufferedTelemetry, stream: Stream
) -> None:
    counted = TELEMETRY_DROPPED._value.get()
    stream.away = True
    for number in range(10):
        buffered.record(_issued(f"t-{number}"))
    await buffered.flush()
    assert TELEMETRY_DROPPED._value.get() - counted == 7
    assert await world.event_types() == []  # published when NATS is available again

    stream.away = False
    assert await buffered.flush() == 3
    assert _token_ids(stream) == ["t-7", "t-8", "t-9"]
    [gap] = await world.events("token.telemetry_gap")
    assert (gap["data"], gap["outcome"], gap["actortype"]) == ({"dropped": "7"}, "failure", "system")
    await buffered.flush()
    assert len(await world.events("token.telemetry_gap")) == 1


@pytest.mark.usefixtures("room_for_three")
async def test_a_later_gap_is_another_event(world: World, buffered: BufferedTelemetry, stream: Stream) -> None:
    for dropped in (1, 2):
        stream.away = True
        for number in range(3 + dropped):
            buffered.record(_issued(f"t-{number}"))
        stream.away = False
        await buffered.flush()
    assert [gap["data"]["dropped"] for gap in await world.events("token.telemetry_gap")] == ["1", "2"]


@pytest.mark.usefixtures("room_for_three")
async def test_a_gap_that_cannot_be_reported_now_is_reported_later(
    world: World, stream: Stream, tmp_path: Path
) -> None:
    """The database is unavailable: the task continues and keeps the events."""
    nowhere = Database.open(f"sqlite+aiosqlite:///{tmp_path}/missing/x.sqlite3", schema="token")
    work = Transactions(nowhere, Outbox(METADATA, issuer=ISSUER, clock=Clock()), StoreWork)
    buffered = BufferedTelemetry(cast(Any, stream), work, issuer=ISSUER, clock=Clock())
    for number in range(5):
        buffered.record(_issued(f"t-{number}"))
    assert await buffered.flush() == 3
    assert await buffered.flush() == 0
    buffered._transactions = world.work  # it is back
    await buffered.flush()
    [gap] = await world.events("token.telemetry_gap")
    assert gap["data"] == {"dropped": "2"}
    await nowhere.close()


async def test_task_publishes_without_a_call_and_stops_on_request(buffered: BufferedTelemetry, stream: Stream) -> None:
    buffered.record(_issued("t-1"))
    task = asyncio.create_task(buffered.run())
    await stream.arrived.wait()
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert _token_ids(stream) == ["t-1"]


async def test_it_can_be_switched_off(stream: Stream) -> None:
    SilentTelemetry().record(_issued("t-1"))
    assert stream.tries == []

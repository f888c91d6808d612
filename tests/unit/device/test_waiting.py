"""What this process alone remembers: who waits, and who polled when."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from services.device.adapters import decision_events as news
from services.device.adapters import poll_times
from services.device.adapters import waiting_polls as waiting_room
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingRoom

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LONG = timedelta(hours=1)


async def test_all_who_wait_for_a_code_are_woken_and_nobody_else() -> None:
    room = WaitingRoom()
    async with asyncio.timeout(2), asyncio.TaskGroup() as group:
        woken = [group.create_task(room.wait("one", LONG)) for _ in range(3)]
        asleep = group.create_task(room.wait("another", LONG))
        await asyncio.sleep(0)
        room.call("one")
        assert await asyncio.gather(*woken) == [True, True, True]
        assert not asleep.done()
        room.call("another")
    assert room._waiting == {}


async def test_who_comes_just_after_the_call_has_heard_it() -> None:
    room = WaitingRoom()
    room.call("one")
    async with asyncio.timeout(2):
        assert await room.wait("one", LONG)


async def test_who_does_not_want_to_wait_does_not() -> None:
    assert await WaitingRoom().wait("one", timedelta()) is False


@pytest.mark.s(62)
async def test_a_full_room_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_room, "CAPACITY", 1)
    room = WaitingRoom()
    first = asyncio.create_task(room.wait("one", LONG))
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        assert await room.wait("two", LONG) is False
        room.call("one")
        assert await first


@pytest.mark.s(62)
def test_calls_and_polls_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    room = WaitingRoom()
    for number in range(2_000):
        room.call(str(number))
    assert len(room._called) == 1_000
    monkeypatch.setattr(poll_times, "CAPACITY", 10)
    times = PollTimes()
    for number in range(20):
        times.note(str(number), NOON)
    assert (times.last("9"), times.last("10")) == (None, NOON)
    assert len(times.unsaved(100)) == 10


def test_a_poll_between_the_writing_of_two_is_written_by_the_next() -> None:
    times = PollTimes()
    times.note("one", NOON)
    batch = times.unsaved(5)
    times.note("one", NOON + timedelta(seconds=5))
    assert times.saved(batch) is True
    assert times.unsaved(5) == [("one", NOON + timedelta(seconds=5))]


async def test_a_event_of_another_replica_wakes_by_its_correlation_id() -> None:
    room = WaitingRoom()
    await news.wake(room)(json.dumps({"correlationid": "one", "data": {}}).encode())
    assert await room.wait("one", timedelta())


@pytest.mark.parametrize("envelope", [b"", b"\xff", b"null", b"[]", b"{}", b"1"])
async def test_what_is_no_event_wakes_nobody(envelope: bytes) -> None:
    room = WaitingRoom()
    await news.wake(room)(envelope)
    assert not room._called

"""In-memory state of one process: waiting polls and poll times."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from services.device.adapters import poll_times, waiting_polls
from services.device.adapters.decision_events import wake_waiting_polls
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingPolls

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LONG = timedelta(hours=1)


async def test_wake_ends_all_waits_for_this_code_only() -> None:
    polls = WaitingPolls()
    async with asyncio.timeout(2), asyncio.TaskGroup() as group:
        woken = [group.create_task(polls.wait("one", LONG)) for _ in range(3)]
        asleep = group.create_task(polls.wait("another", LONG))
        await asyncio.sleep(0)
        polls.wake("one")
        assert await asyncio.gather(*woken) == [True, True, True]
        assert not asleep.done()
        polls.wake("another")
    assert polls._waiting == {}


async def test_wait_returns_at_once_after_a_recent_wake() -> None:
    polls = WaitingPolls()
    polls.wake("one")
    async with asyncio.timeout(2):
        assert await polls.wait("one", LONG)


async def test_wait_of_zero_returns_at_once() -> None:
    assert await WaitingPolls().wait("one", timedelta()) is False


@pytest.mark.s(62)
async def test_wait_returns_at_once_when_capacity_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_polls, "CAPACITY", 1)
    polls = WaitingPolls()
    first = asyncio.create_task(polls.wait("one", LONG))
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        assert await polls.wait("two", LONG) is False
        polls.wake("one")
        assert await first


@pytest.mark.s(62)
def test_recent_wakes_and_poll_times_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    polls = WaitingPolls()
    for number in range(2_000):
        polls.wake(str(number))
    assert len(polls._recent) == 1_000
    monkeypatch.setattr(poll_times, "CAPACITY", 10)
    times = PollTimes()
    for number in range(20):
        times.record(str(number), NOON)
    assert (times.last("9"), times.last("10")) == (None, NOON)
    assert len(times.unsaved(100)) == 10


def test_poll_during_a_save_is_saved_by_the_next_one() -> None:
    times = PollTimes()
    times.record("one", NOON)
    batch = times.unsaved(5)
    times.record("one", NOON + timedelta(seconds=5))
    assert times.mark_saved(batch) is True
    assert times.unsaved(5) == [("one", NOON + timedelta(seconds=5))]


async def test_decision_event_wakes_polls_by_correlation_id() -> None:
    polls = WaitingPolls()
    await wake_waiting_polls(polls)(json.dumps({"correlationid": "one", "data": {}}).encode())
    assert await polls.wait("one", timedelta())


@pytest.mark.parametrize("envelope", [b"", b"\xff", b"null", b"[]", b"{}", b"1"])
async def test_malformed_event_wakes_no_poll(envelope: bytes) -> None:
    polls = WaitingPolls()
    await wake_waiting_polls(polls)(envelope)
    assert not polls._recent

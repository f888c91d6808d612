import asyncio
import json
from collections import defaultdict
from contextlib import suppress

import pytest
from sqlalchemy import insert

from libs.servicekit.base import trace
from tests.storage.servicekit.world import ISSUER, NOON, THINGS, World, a_event


async def numbers(world: World) -> dict[str, list[int]]:
    """Subject -> sequence numbers of its events, in the order in which a relay takes them."""
    sequences = defaultdict(list)
    for row in await world.rows():
        sequences[row.subject].append(json.loads(row.envelope)["subjectseq"])
    return dict(sequences)


async def test_event_is_stored_with_the_envelope_for_subscribers(world: World):
    trace_id = trace.begin()
    await world.tell(a_event("user-1"))
    (row,) = await world.rows()
    event = json.loads(row.envelope)
    assert event["id"] == row.event_id
    assert (event["source"], event["subject"], event["subjectseq"]) == (ISSUER, "user-1", 1)
    assert event["time"] == "2026-03-01T12:00:00.000Z"
    assert event["traceparent"].split("-")[1] == trace_id
    assert row.created_at == NOON
    assert row.sent_at is None
    assert row.nats_subject == f"latchkey.v1.account.created.{row.shard:02d}"


async def test_state_and_its_event_are_committed_together(world: World, other: World):
    async with world.work() as work:
        await work.session.execute(insert(THINGS).values(name="a", number=1))
        work.emit(a_event())
        assert (await other.names(), await other.rows()) == ([], [])
    assert await other.names() == ["a"]
    assert len(await other.rows()) == 1


async def test_event_is_rolled_back_with_the_state(world: World):
    async def fail_after_emitting() -> None:
        async with world.work() as work:
            await work.session.execute(insert(THINGS).values(name="a", number=1))
            work.emit(a_event())
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        await fail_after_emitting()
    assert (await world.names(), await world.rows()) == ([], [])
    assert not world.outbox.take()


async def test_state_is_rolled_back_with_the_event(world: World):
    async def emit_what_cannot_be_written() -> None:
        async with world.work() as work:
            await work.session.execute(insert(THINGS).values(name="a", number=1))
            work.emit(a_event(), a_event(subject=None))  # type: ignore[arg-type]

    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the reason
        await emit_what_cannot_be_written()
    assert (await world.names(), await world.rows()) == ([], [])


async def test_relay_is_woken_after_a_commit_with_events_only(world: World):
    async with world.work() as work:
        await work.session.execute(insert(THINGS).values(name="a", number=1))
    assert not world.outbox.take()
    async with world.work() as work:
        work.emit(a_event())
        assert not world.outbox.take()
    assert world.outbox.take()


async def test_events_of_a_subject_are_numbered_from_one_in_order(world: World):
    await world.tell(a_event("a", 1), a_event("b", 1), a_event("a", 2))
    await world.tell(a_event("a", 3))
    await world.tell(a_event("b", 2))
    rows = await world.rows()
    assert [json.loads(row.envelope)["data"]["user_id"] for row in rows] == ["a:1", "b:1", "a:2", "a:3", "b:2"]
    assert await numbers(world) == {"a": [1, 2, 3], "b": [1, 2]}


async def test_rollback_leaves_no_gap_in_the_sequence(world: World):
    async def tell_and_fail() -> None:
        async with world.work() as work:
            work.emit(a_event("a"))
            await world.outbox.write(work.session, work.emitted)
            raise RuntimeError

    await world.tell(a_event("a"))
    with suppress(RuntimeError):
        await tell_and_fail()
    await world.tell(a_event("a"))
    assert await numbers(world) == {"a": [1, 2]}


async def test_concurrent_transactions_keep_sequence_order_without_gaps(world: World, other: World):
    subjects = ["a", "b", "c"]

    async def tell(process: World, number: int) -> None:
        async with process.work() as work:
            # Each in another order, so that those who wait for each other in a circle would meet here.
            for at in range(3):
                work.emit(a_event(subjects[(number + at) % 3], number), a_event(subjects[(number - at) % 3], number))
            if number % 5 == 0:
                raise RuntimeError("one of many that fail")

    ended = await asyncio.gather(
        *(tell(process, number) for number in range(20) for process in (world, other)), return_exceptions=True
    )
    assert {type(end) for end in ended} == {type(None), RuntimeError}
    assert await numbers(world) == {subject: list(range(1, 65)) for subject in subjects}


async def test_event_ids_are_unique_and_grow_with_time(world: World):
    for _ in range(3):
        await world.tell(*(a_event() for _ in range(5)))
        world.clock.move(NOON - NOON.replace(hour=11))
    ids = [row.event_id for row in await world.rows()]
    assert len(set(ids)) == 15
    assert [ids[first : first + 5] for first in (0, 5, 10)] == [
        sorted(ids)[first : first + 5] for first in (0, 5, 10)
    ] or (max(ids[:5]) < min(ids[5:10]) < min(ids[10:]))


async def test_one_transaction_can_emit_thousands_of_events(world: World):
    await world.tell(*(a_event("a", number) for number in range(5_000)))
    assert await numbers(world) == {"a": list(range(1, 5_001))}

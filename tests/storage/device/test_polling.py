"""The pace of polls (RFC 8628 3.5) and what they cost, on both databases and with two replicas."""

import asyncio
from datetime import timedelta

import pytest

from libs.oauth.errors import AuthorizationPending, SlowDown
from libs.servicekit.sql.database import Database
from services.device.usecases.create_device_code import Codes
from tests.storage.device.world import INTERVAL, LIFETIME, NOON, Replica, World
from tests.support.databases import statements

SECOND = timedelta(seconds=1)


async def pending(replica: Replica, codes: Codes, *, wait: timedelta = timedelta()) -> None:
    with pytest.raises(AuthorizationPending):
        await replica.poll(codes, wait=wait)


async def told_to_slow_down(replica: Replica, codes: Codes) -> None:
    with pytest.raises(SlowDown):
        await replica.poll(codes)


@pytest.mark.s(34)
async def test_a_poll_that_keeps_the_interval_costs_one_read_and_no_write(world: World, here: Replica) -> None:
    codes = await here.ask()
    with statements(world.database) as sent:
        for _ in range(3):
            await pending(here, codes)
            world.clock.move(INTERVAL)
    assert len(sent) == 3
    assert all(statement.startswith("SELECT") for statement in sent)


async def test_the_read_of_a_poll_uses_an_index(database: Database, world: World, here: Replica) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL plans by the number of rows, and here are none; the index is the same")
    codes = await here.ask()
    with statements(database) as sent:
        await pending(here, codes)
    async with database.engine.connect() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sent[0]}", (b"",))).all()
    assert [row.detail for row in plan] == [
        "SEARCH device_codes USING INDEX sqlite_autoindex_device_codes_2 (device_code_hash=?)"
    ]


@pytest.mark.s(34)
async def test_a_hasty_device_is_slowed_down_by_five_seconds_each_time(world: World, here: Replica) -> None:
    codes = await here.ask()
    await pending(here, codes)
    world.clock.move(SECOND)
    await told_to_slow_down(here, codes)  # now 10 s
    world.clock.move(7 * SECOND)
    await told_to_slow_down(here, codes)  # now 15 s
    world.clock.move(15 * SECOND)
    await pending(here, codes)
    assert (await world.row()).interval_seconds == 15


async def test_a_device_is_not_punished_for_a_clock_that_is_not_exact(world: World, here: Replica) -> None:
    codes = await here.ask()
    for _ in range(4):
        await pending(here, codes)
        world.clock.move(INTERVAL * 0.95)


@pytest.mark.s(34)
async def test_a_device_that_never_learns_costs_a_bounded_number_of_writes(world: World, here: Replica) -> None:
    codes = await here.ask()
    await pending(here, codes)
    with statements(world.database) as sent:
        for _ in range(30):
            await told_to_slow_down(here, codes)
    assert (await world.row()).interval_seconds == 60
    assert len([statement for statement in sent if statement.startswith("UPDATE")]) == 11


@pytest.mark.s(34)
async def test_haste_is_seen_by_a_replica_that_did_not_answer_the_poll_before(world: World, here: Replica) -> None:
    there = world.replica()
    codes = await here.ask()
    await pending(here, codes)
    await here.record()  # as the timer does every second
    world.clock.move(2 * SECOND)
    await told_to_slow_down(there, codes)
    world.clock.move(7 * SECOND)  # enough for the interval of before, not for the one of now
    await told_to_slow_down(here, codes)


async def test_polls_are_written_in_one_transaction_for_all(world: World, here: Replica) -> None:
    codes = [await here.ask() for _ in range(3)]
    for one in codes:
        await pending(here, one)
    with statements(world.database) as sent:
        assert await here.record() is False
        assert await here.record() is False
    assert len(sent) == 1
    assert {row.last_polled_at for row in await world.rows()} == {NOON}


async def test_an_older_poll_does_not_replace_a_later_one(world: World, here: Replica) -> None:
    there = world.replica()
    codes = await here.ask()
    await pending(there, codes)
    world.clock.move(INTERVAL)
    await pending(here, codes)
    await here.record()
    await there.record()
    assert (await world.row()).last_polled_at == NOON + INTERVAL


async def test_who_is_allowed_is_not_asked_for_patience(here: Replica) -> None:
    codes = await here.ask()
    await pending(here, codes)
    await here.decide(codes)
    await here.poll(codes)


async def test_a_waiting_poll_is_woken_by_the_decision(here: Replica) -> None:
    codes = await here.ask()
    waiting = asyncio.create_task(here.poll(codes, wait=timedelta(hours=1)))
    await here.room.entered.wait()
    await here.decide(codes)
    async with asyncio.timeout(2):
        assert (await waiting).approval.user_id == "alice-id"
    assert not here.room._waiting


async def test_a_waiting_poll_of_another_replica_is_woken_by_the_event(world: World, here: Replica) -> None:
    there = world.replica()
    codes = await here.ask()
    waiting = asyncio.create_task(there.poll(codes, wait=timedelta(hours=1)))
    await there.room.entered.wait()
    await here.decide(codes)
    assert not waiting.done()
    there.room.call((await world.row()).id)
    async with asyncio.timeout(2):
        assert (await waiting).approval.user_id == "alice-id"


async def test_a_decision_between_the_look_and_the_waiting_is_not_slept_through(world: World, here: Replica) -> None:
    codes = await here.ask()
    here.room.call((await world.row()).id)
    async with asyncio.timeout(2):
        await pending(here, codes, wait=timedelta(hours=1))  # woken, looks again, and nothing has changed


async def test_a_poll_waits_for_its_interval_at_most(world: World, here: Replica) -> None:
    waited: list[timedelta] = []

    async def wait(_code_id: str, most: timedelta) -> bool:
        waited.append(most)
        return False

    here.room.wait = wait  # type: ignore[method-assign, assignment]
    codes = await here.ask()
    await pending(here, codes, wait=timedelta(hours=1))
    world.clock.move(INTERVAL)
    await pending(here, codes, wait=2 * SECOND)
    assert waited == [INTERVAL, 2 * SECOND]


async def test_a_poll_that_nobody_answers_ends_with_its_wait(here: Replica) -> None:
    codes = await here.ask()
    await pending(here, codes, wait=timedelta(milliseconds=20))
    assert not here.room._waiting
    assert here.room._occupied == 0


async def test_a_second_poll_beside_a_waiting_one_is_hasty(here: Replica) -> None:
    codes = await here.ask()
    waiting = asyncio.create_task(here.poll(codes, wait=timedelta(hours=1)))
    await here.room.entered.wait()
    await told_to_slow_down(here, codes)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert here.room._occupied == 0


async def test_polls_of_what_has_ended_are_written_nowhere(world: World, here: Replica) -> None:
    codes = await here.ask()
    await pending(here, codes)
    await here.decide(codes)
    await here.record()
    assert (await world.row()).last_polled_at is None
    world.clock.move(LIFETIME)

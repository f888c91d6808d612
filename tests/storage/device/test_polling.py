"""The interval of polls (RFC 8628 3.5) and their SQL statements, on both databases and with two replicas."""

import asyncio
from datetime import timedelta

import pytest

from libs.oauth.errors import AuthorizationPending, SlowDown
from libs.servicekit.sql.database import Database
from services.device.usecases.create_device_code import IssuedCodes
from tests.storage.device.world import INTERVAL, LIFETIME, NOON, Replica, World
from tests.support.databases import statements

SECOND = timedelta(seconds=1)


async def pending(replica: Replica, codes: IssuedCodes, *, wait: timedelta = timedelta()) -> None:
    with pytest.raises(AuthorizationPending):
        await replica.poll(codes, wait=wait)


async def expect_slow_down(replica: Replica, codes: IssuedCodes) -> None:
    with pytest.raises(SlowDown):
        await replica.poll(codes)


@pytest.mark.s(34)
async def test_poll_within_the_interval_uses_one_read_and_no_write(world: World, here: Replica) -> None:
    codes = await here.create()
    with statements(world.database) as sent:
        for _ in range(3):
            await pending(here, codes)
            world.clock.move(INTERVAL)
    assert len(sent) == 3
    assert all(statement.startswith("SELECT") for statement in sent)


async def test_poll_query_uses_an_index(database: Database, world: World, here: Replica) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL plans by the number of rows, and the table is empty here; the index is the same")
    codes = await here.create()
    with statements(database) as sent:
        await pending(here, codes)
    async with database.engine.connect() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sent[0]}", (b"",))).all()
    assert [row.detail for row in plan] == [
        "SEARCH device_codes USING INDEX sqlite_autoindex_device_codes_2 (device_code_hash=?)"
    ]


@pytest.mark.s(34)
async def test_early_poll_adds_five_seconds_to_the_interval(world: World, here: Replica) -> None:
    codes = await here.create()
    await pending(here, codes)
    world.clock.move(SECOND)
    await expect_slow_down(here, codes)  # now 10 s
    world.clock.move(7 * SECOND)
    await expect_slow_down(here, codes)  # now 15 s
    world.clock.move(15 * SECOND)
    await pending(here, codes)
    assert (await world.row()).interval_seconds == 15


async def test_poll_slightly_before_the_interval_is_accepted(world: World, here: Replica) -> None:
    codes = await here.create()
    for _ in range(4):
        await pending(here, codes)
        world.clock.move(INTERVAL * 0.95)


@pytest.mark.s(34)
async def test_early_polls_write_until_the_maximum_interval_is_reached(world: World, here: Replica) -> None:
    codes = await here.create()
    await pending(here, codes)
    with statements(world.database) as sent:
        for _ in range(30):
            await expect_slow_down(here, codes)
    assert (await world.row()).interval_seconds == 60
    assert len([statement for statement in sent if statement.startswith("UPDATE")]) == 11


@pytest.mark.s(34)
async def test_early_poll_is_detected_at_another_replica(world: World, here: Replica) -> None:
    there = world.replica()
    codes = await here.create()
    await pending(here, codes)
    await here.record()  # as the timer does every second
    world.clock.move(2 * SECOND)
    await expect_slow_down(there, codes)
    world.clock.move(7 * SECOND)  # enough for the previous interval, not for the current one
    await expect_slow_down(here, codes)


async def test_record_polls_writes_all_polls_in_one_transaction(world: World, here: Replica) -> None:
    codes = [await here.create() for _ in range(3)]
    for one in codes:
        await pending(here, one)
    with statements(world.database) as sent:
        assert await here.record() is False
        assert await here.record() is False
    assert len(sent) == 1
    assert {row.last_polled_at for row in await world.rows()} == {NOON}


async def test_record_polls_keeps_the_later_time(world: World, here: Replica) -> None:
    there = world.replica()
    codes = await here.create()
    await pending(there, codes)
    world.clock.move(INTERVAL)
    await pending(here, codes)
    await here.record()
    await there.record()
    assert (await world.row()).last_polled_at == NOON + INTERVAL


async def test_early_poll_of_an_approved_code_is_answered(here: Replica) -> None:
    codes = await here.create()
    await pending(here, codes)
    await here.decide(codes)
    await here.poll(codes)


async def test_waiting_poll_is_woken_by_the_decision(here: Replica) -> None:
    codes = await here.create()
    waiting = asyncio.create_task(here.poll(codes, wait=timedelta(hours=1)))
    await here.waiting_polls.entered.wait()
    await here.decide(codes)
    async with asyncio.timeout(2):
        assert (await waiting).approval.user_id == "alice-id"
    assert not here.waiting_polls._waiting


async def test_waiting_poll_at_another_replica_is_woken_by_the_event(world: World, here: Replica) -> None:
    there = world.replica()
    codes = await here.create()
    waiting = asyncio.create_task(there.poll(codes, wait=timedelta(hours=1)))
    await there.waiting_polls.entered.wait()
    await here.decide(codes)
    assert not waiting.done()
    there.waiting_polls.wake((await world.row()).id)
    async with asyncio.timeout(2):
        assert (await waiting).approval.user_id == "alice-id"


async def test_waiting_poll_returns_when_the_decision_came_before_the_wait(world: World, here: Replica) -> None:
    codes = await here.create()
    here.waiting_polls.wake((await world.row()).id)
    async with asyncio.timeout(2):
        await pending(here, codes, wait=timedelta(hours=1))  # woken, reads again, and the code is still pending


async def test_poll_waits_at_most_one_interval(world: World, here: Replica) -> None:
    waited: list[timedelta] = []

    async def wait(_code_id: str, limit: timedelta) -> bool:
        waited.append(limit)
        return False

    here.waiting_polls.wait = wait  # type: ignore[method-assign, assignment]
    codes = await here.create()
    await pending(here, codes, wait=timedelta(hours=1))
    world.clock.move(INTERVAL)
    await pending(here, codes, wait=2 * SECOND)
    assert waited == [INTERVAL, 2 * SECOND]


async def test_waiting_poll_returns_pending_after_its_wait(here: Replica) -> None:
    codes = await here.create()
    await pending(here, codes, wait=timedelta(milliseconds=20))
    assert not here.waiting_polls._waiting
    assert here.waiting_polls._count == 0


async def test_second_poll_is_too_early_while_another_poll_waits(here: Replica) -> None:
    codes = await here.create()
    waiting = asyncio.create_task(here.poll(codes, wait=timedelta(hours=1)))
    await here.waiting_polls.entered.wait()
    await expect_slow_down(here, codes)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert here.waiting_polls._count == 0


async def test_record_polls_skips_decided_codes(world: World, here: Replica) -> None:
    codes = await here.create()
    await pending(here, codes)
    await here.decide(codes)
    await here.record()
    assert (await world.row()).last_polled_at is None
    world.clock.move(LIFETIME)

"""Leased delivery queues on SQLite and PostgreSQL, with the lease in `due_at` and in a column of its own."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.leased_queue import LeasedQueue
from tests.storage.servicekit.world import NOON, World

LEASE = timedelta(minutes=1)
_METADATA = MetaData()


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        _METADATA,
        Column("job_id", String(40), primary_key=True),
        Column("due_at", UtcDateTime),
        Column("attempts", Integer, nullable=False),
        Column("outcome", String(20)),
        *columns,
    )


JOBS = _table("jobs")
LEASED_JOBS = _table("leased_jobs", Column("leased_until", UtcDateTime))


@pytest.fixture(params=[JOBS, LEASED_JOBS], ids=["lease in due_at", "lease in leased_until"])
async def table(world: World, request: pytest.FixtureRequest) -> Table:
    table: Table = request.param
    async with world.database.engine.begin() as connection:
        await connection.run_sync(table.create)
    return table


async def _add(world: World, table: Table, **due: datetime) -> None:
    rows = [{"job_id": name, "due_at": at, "attempts": 0} for name, at in due.items()]
    async with world.database.transaction() as session:
        await session.execute(insert(table).values(rows))


async def _claim(world: World, table: Table, *, now: datetime = NOON, limit: int = 10) -> Sequence[tuple[str, int]]:
    async with world.database.transaction() as session:
        claimed = await LeasedQueue(session, table, lease=LEASE).claim(limit=limit, now=now)
    return [(row.job_id, row.attempts) for row in claimed]


async def test_claim_returns_due_jobs_only_and_counts_an_attempt(world: World, table: Table):
    await _add(world, table, b=NOON, a=NOON, later=NOON + timedelta(seconds=1))
    assert await _claim(world, table) == [("a", 1), ("b", 1)]


async def test_claim_takes_the_jobs_that_were_due_first_when_limited(world: World, table: Table):
    await _add(world, table, a=NOON, b=NOON - timedelta(hours=1), c=NOON - timedelta(minutes=1))
    assert await _claim(world, table, limit=2) == [("b", 1), ("c", 1)]


async def test_claimed_job_is_not_claimed_again_before_its_lease_ends(world: World, table: Table):
    await _add(world, table, a=NOON)
    await _claim(world, table)
    assert await _claim(world, table, now=NOON + LEASE - timedelta(seconds=1)) == []
    assert await _claim(world, table, now=NOON + LEASE) == [("a", 2)]


async def test_concurrent_claims_share_the_jobs_and_respect_the_limit(world: World, other: World, table: Table):
    await _add(world, table, **{f"job-{number}": NOON for number in range(8)})
    claims = await asyncio.gather(*(_claim(each, table, limit=2) for each in (world, other, world, other)))
    assert all(len(claimed) <= 2 for claimed in claims)
    names = [name for claimed in claims for name, _ in claimed]
    assert len(names) == len(set(names))


async def test_postponed_job_is_claimed_again_at_its_time(world: World, table: Table):
    await _add(world, table, a=NOON)
    await _claim(world, table)
    async with world.database.transaction() as session:
        queue = LeasedQueue(session, table, lease=LEASE)
        assert await queue.postpone("a", attempts=1, until=NOON + timedelta(seconds=5))
    assert await _claim(world, table, now=NOON + timedelta(seconds=4)) == []
    assert await _claim(world, table, now=NOON + timedelta(seconds=5)) == [("a", 2)]


async def test_settled_job_is_never_claimed_again(world: World, table: Table):
    await _add(world, table, a=NOON)
    await _claim(world, table)
    async with world.database.transaction() as session:
        queue = LeasedQueue(session, table, lease=LEASE)
        assert await queue.settle("a", attempts=1, values={"outcome": "sent"})
        assert not await queue.settle("a", attempts=1, values={"outcome": "refused"})
        assert not await queue.postpone("a", attempts=1, until=NOON)
    assert await _claim(world, table, now=NOON + timedelta(days=1)) == []
    async with world.database.snapshot() as session:
        assert (await session.execute(select(table.c.outcome))).scalar_one() == "sent"


async def test_replica_with_an_ended_lease_cannot_change_the_job(world: World, table: Table):
    await _add(world, table, a=NOON)
    await _claim(world, table)
    await _claim(world, table, now=NOON + LEASE)
    async with world.database.transaction() as session:
        queue = LeasedQueue(session, table, lease=LEASE)
        assert not await queue.settle("a", attempts=1, values={"outcome": "sent"})
        assert not await queue.postpone("a", attempts=1, until=NOON)
        assert await queue.settle("a", attempts=2, values={"outcome": "sent"})

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import StatementError

from libs.servicekit.sql.database import Database, UtcDateTime
from tests.storage.servicekit.world import NOON, THINGS, World, a_event


@pytest.mark.s(64)
@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC),
        datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
async def test_datetime_is_returned_in_utc(world: World, moment: datetime):
    await world.put("a", at=moment)
    async with world.database.snapshot() as session:
        stored = (await session.execute(select(THINGS.c.at))).scalar_one()
        found = (await session.execute(select(THINGS.c.name).where(THINGS.c.at == moment))).scalars().all()
    assert stored == moment
    assert stored.utcoffset() == timedelta()
    assert found == ["a"]


async def test_datetimes_of_different_timezones_compare_correctly(world: World):
    for hour in (9, 11, 13):
        await world.put(f"at {hour}", at=datetime(2026, 3, 1, hour, tzinfo=UTC))
    before = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))  # noon
    async with world.database.snapshot() as session:
        found = await session.execute(select(THINGS.c.name).where(THINGS.c.at < before).order_by(THINGS.c.at))
    assert found.scalars().all() == ["at 9", "at 11"]


async def test_null_datetime_stays_none(world: World):
    await world.put("a", at=None)
    async with world.database.snapshot() as session:
        assert (await session.execute(select(THINGS.c.at))).scalar_one() is None


@pytest.mark.s(64)
async def test_datetime_without_a_timezone_is_refused(world: World):
    with pytest.raises(StatementError, match="without a timezone"):
        await world.put("a", at=NOON.replace(tzinfo=None))
    assert await world.names() == []


def test_datetime_of_every_driver_is_converted_to_utc():
    read = UtcDateTime().process_result_value
    assert read(NOON.replace(tzinfo=None), None) == NOON
    assert read(NOON.astimezone(timezone(timedelta(hours=5))), None) == NOON
    assert read(None, None) is None


async def test_transaction_is_visible_after_its_block(world: World, other: World):
    async with world.database.transaction() as session:
        await session.execute(THINGS.insert().values(name="a", number=1))
        assert await other.names() == []
    assert await other.names() == ["a"]


@pytest.mark.parametrize("error", [RuntimeError("no"), asyncio.CancelledError()])
async def test_transaction_rolls_back_when_its_block_raises(world: World, error: BaseException):
    async def fail() -> None:
        async with world.database.transaction() as session:
            await session.execute(THINGS.insert().values(name="a", number=1))
            raise error

    with pytest.raises(type(error)):
        await fail()
    assert await world.names() == []
    await world.put("b")
    assert await world.names() == ["b"]


async def test_other_exceptions_pass_through_a_transaction(world: World):
    for error in (TimeoutError("mine"), ConnectionError("mine"), OSError("mine")):
        with pytest.raises(type(error), match="mine"):
            async with world.database.transaction():
                raise error


async def test_write_in_a_snapshot_is_refused(world: World):
    await world.put("a", number=1)
    for statement in (
        THINGS.insert().values(name="b", number=1),
        update(THINGS).values(number=2),
        THINGS.delete(),
    ):
        with pytest.raises(RuntimeError, match="a snapshot is read-only"):
            async with world.database.snapshot() as session:
                await session.execute(statement)
    assert await world.names() == ["a"]
    await world.put("c")


async def test_emit_in_a_read_only_unit_of_work_is_refused(world: World):
    with pytest.raises(RuntimeError, match="read-only unit of work"):
        async with world.work.reading() as work:
            work.emit(a_event())
    assert await world.rows() == []


async def count_up(world: World) -> None:
    """Reads and writes: on SQLite this loses counts, or fails, unless the transaction begins with the write lock."""
    async with world.database.transaction() as session:
        query = select(THINGS.c.number).where(THINGS.c.name == "counter").with_for_update()
        number = (await session.execute(query)).scalar_one()
        await asyncio.sleep(0)
        await session.execute(update(THINGS).values(number=number + 1))


async def test_concurrent_read_then_write_transactions_lose_no_update(world: World, other: World):
    await world.put("counter", number=0)
    await asyncio.gather(*(count_up(process) for process in (world, other) for _ in range(15)))
    async with other.database.snapshot() as session:
        assert (await session.execute(select(THINGS.c.number))).scalar_one() == 30


async def test_readers_are_not_blocked_by_a_writer(world: World, other: World):
    await world.put("a")
    async with world.database.transaction() as session:
        await session.execute(update(THINGS).values(number=7))
        async with asyncio.timeout(2):
            assert await world.names() == ["a"]
            assert await other.names() == ["a"]


async def test_transactions_beyond_the_pool_size_are_queued(world: World):
    await asyncio.gather(*(world.put(f"{number:02d}") for number in range(40)), *(world.names() for _ in range(40)))
    assert len(await world.names()) == 40


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_sqlite_commits_survive_a_power_failure(world: World):
    async with world.database.snapshot() as session:
        pragmas = {
            name: (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_check_reports_the_kind_of_database(world: World, kind: str):
    result = await world.database.check()
    assert (result.ok, result.required, result.detail) == (True, True, kind)


@pytest.mark.s(60)
@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://latchkey:hunter2@db/x",
        "postgresql://latchkey:hunter2@db/x",
        "sqlite:///hunter2.sqlite3",
        "postgresql+asyncpg://latchkey:hunter2@db:port/x",
        "postgresql+asyncpg://latchkey:hunter2@[::1/x",
    ],
)
def test_unsupported_database_url_is_refused_without_its_text(url: str):
    with pytest.raises(OSError, match="LATCHKEY_DATABASE_URL must be") as refusal:
        Database.open(url, schema="token")
    assert "hunter2" not in str(refusal.value)


async def test_snapshot_opens_no_transaction_on_postgresql(world: World):
    if world.database.is_sqlite:
        pytest.skip("SQLite reads in a transaction, which gives it a consistent view of the file")
    begin = text("SELECT now()")  # the begin of the transaction, the same for all of its statements
    async with world.database.snapshot() as session:
        first, second = [(await session.execute(begin)).scalar_one() for _ in range(2)]
    assert first < second
    async with world.database.transaction() as session:
        first, second = [(await session.execute(begin)).scalar_one() for _ in range(2)]
    assert first == second


async def test_connection_of_a_snapshot_writes_in_a_transaction_afterwards(world: World):
    """The pool hands one connection to readers and writers; what a reader set must not stay."""
    async with world.database.snapshot() as session:
        await session.execute(text("SELECT 1"))

    async def fail_after_writing() -> None:
        async with world.database.transaction() as session:
            await session.execute(insert(THINGS).values(name="a", at=NOON, number=1))
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_writing()
    assert await world.names() == []

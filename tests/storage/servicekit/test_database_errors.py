import asyncio
import threading
import traceback
from typing import Any, cast

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base.service import Service
from libs.servicekit.process import ops
from libs.servicekit.sql import database as database_module
from libs.servicekit.sql.database import Database
from tests.storage.servicekit.world import THINGS, World, until
from tests.support.databases import postgres_url
from tests.support.log_lines import captured_log

only_postgresql = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
only_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
CANARY = "hunter2"


def full_text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.s(60)
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"name": CANARY, "number": 1}, "things"),
        ({"name": "b", "number": 1, "secret": CANARY.encode()}, "things"),
        ({"name": "b", "number": None, "secret": CANARY.encode() * 2}, "number"),
    ],
    ids=["primary key", "unique", "not null"],
)
async def test_integrity_error_names_the_constraint_without_values(
    world: World, values: dict[str, Any], constraint: str
):
    await world.put(CANARY, secret=CANARY.encode())
    with pytest.raises(IntegrityError) as caught:
        async with world.database.transaction() as session:
            await session.execute(insert(THINGS).values(**values))
    assert CANARY not in full_text(caught.value)
    assert CANARY.encode().hex() not in full_text(caught.value)
    assert constraint in str(caught.value)


@pytest.mark.s(60)
async def test_error_in_a_multi_row_insert_contains_no_values(world: World):
    rows = [{"name": f"{CANARY}-{number % 2}", "number": number} for number in range(3)]
    with pytest.raises(IntegrityError) as caught:
        async with world.database.transaction() as session:
            await session.execute(insert(THINGS), rows)
    assert CANARY not in full_text(caught.value)


@only_postgresql
@pytest.mark.s(60)
@pytest.mark.parametrize(
    "values",
    [{"name": CANARY * 20}, {"name": f"{CANARY}\0"}, {"name": f"{CANARY}\ud800"}, {"name": "a", "number": CANARY}],
    ids=["too long", "nul", "surrogate", "another type"],
)
async def test_invalid_value_is_not_in_the_error(world: World, values: dict[str, Any]):
    with pytest.raises(DBAPIError) as caught:
        async with world.database.transaction() as session:
            await session.execute(insert(THINGS).values(**{"number": 1} | values))
    assert CANARY not in full_text(caught.value)
    assert "invalid value for a column" in str(caught.value)


@only_postgresql
@pytest.mark.s(60)
async def test_value_in_a_server_message_is_not_in_the_error(world: World):
    with pytest.raises(DBAPIError) as caught:
        async with world.database.transaction() as session:
            await session.execute(text("SELECT CAST(:value AS integer)"), {"value": CANARY})
    assert CANARY not in full_text(caught.value)


async def trivial(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))


def away(host: str) -> Any:
    return pytest.param(f"postgresql+asyncpg://latchkey:{CANARY}@{host}", id=host)


@pytest.mark.s(60, 66)
@pytest.mark.parametrize(
    "url",
    [
        away("127.0.0.1:1/x"),
        away("localhost:1/x"),
        away("/x?host=/nowhere/at/all"),
        away("db.invalid/x"),
    ],
)
async def test_stopped_postgresql_is_temporarily_unavailable(url: str):
    database = Database.open(url, schema="token")
    with captured_log() as log:
        for attempt in (trivial(database), database.check()):
            with pytest.raises(TemporarilyUnavailable) as caught:
                await attempt
            assert caught.value.reason == "DATABASE_UNAVAILABLE"
            assert caught.value.retry_after
            assert CANARY not in full_text(caught.value)
        ready, report = await ops.Health("token", Service(checks={"database": database.check})).report()
    assert not ready
    assert report["checks"]["database"]["detail"] == "TemporarilyUnavailable"  # type: ignore[index]
    assert set(log.messages()) == {"database.unavailable"}
    assert all(record["cause"] for record in log.records)
    assert CANARY not in log.text
    await database.close()


@pytest.mark.s(66)
@pytest.mark.parametrize("wrong", [{"database": "nothing_of_that_name"}, {"username": "no_such_user"}])
async def test_postgresql_that_refuses_connections_is_temporarily_unavailable(wrong: dict[str, str]):
    url = make_url(postgres_url()).set(drivername="postgresql+asyncpg", **wrong)  # type: ignore[arg-type]
    database = Database.open(url.render_as_string(hide_password=False), schema="token")
    with pytest.raises(TemporarilyUnavailable):
        await trivial(database)
    await database.close()


@pytest.mark.s(66)
async def test_sqlite_file_that_cannot_be_opened_is_temporarily_unavailable():
    database = Database.open("sqlite+aiosqlite:////nowhere/at/all.sqlite3", schema="token")
    threads = set(threading.enumerate())
    with pytest.raises(TemporarilyUnavailable):
        await trivial(database)
    await database.close()
    # The driver's thread calls the event loop when it ends, so the loop must still run.
    await until(lambda: set(threading.enumerate()) <= threads)


async def end_all_connections(world: World, watcher: World) -> None:
    """What a restart of the server does to those who are connected."""
    async with watcher.database.transaction() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND application_name = :name"
            ),
            {"name": f"latchkey {world.database.schema}"},
        )


@only_postgresql
@pytest.mark.s(66)
@pytest.mark.parametrize("when", ["before a statement", "before the commit"])
async def test_lost_connection_is_temporarily_unavailable_and_rolls_back(world: World, other: World, when: str):
    async def lose() -> None:
        async with world.database.transaction() as session:
            await session.execute(insert(THINGS).values(name="lost", number=1))
            await end_all_connections(world, other)
            if when == "before a statement":
                await session.execute(insert(THINGS).values(name="more", number=1))

    with pytest.raises(TemporarilyUnavailable):
        await lose()
    assert await other.names() == []


@only_postgresql
@pytest.mark.s(66)
async def test_one_error_renews_all_connections_after_a_database_restart(world: World, other: World):
    await asyncio.gather(*(world.put(f"{number}") for number in range(5)))
    await end_all_connections(world, other)
    with pytest.raises(TemporarilyUnavailable):
        await world.names()
    results = await asyncio.gather(*(world.names() for _ in range(5)))
    assert all(len(names) == 5 for names in results)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "LOCK_MILLISECONDS", 50)
    monkeypatch.setattr(database_module, "STATEMENT_MILLISECONDS", 200)


@pytest.mark.s(66)
async def test_lock_timeout_is_temporarily_unavailable(world: World, impatient: None):
    await world.put("a")
    other = world.another_process()
    async with world.database.transaction() as session:
        await session.execute(update(THINGS).values(number=7))
        with pytest.raises(TemporarilyUnavailable):
            async with other.database.transaction() as waiting:
                await waiting.execute(update(THINGS).values(number=8))
    await other.database.close()


@only_postgresql
@pytest.mark.s(66)
async def test_statement_timeout_is_temporarily_unavailable(world: World, impatient: None):
    other = world.another_process()
    with pytest.raises(TemporarilyUnavailable):
        async with other.database.snapshot() as session:
            await session.execute(text("SELECT pg_sleep(10)"))
    await other.database.close()


@only_postgresql
@pytest.mark.s(66)
async def test_deadlock_is_temporarily_unavailable_for_one_transaction(world: World):
    await world.put("a")
    await world.put("b")
    both_hold = asyncio.Barrier(2)

    async def take(first: str, second: str) -> None:
        async with world.database.transaction() as session:
            await session.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
            await session.execute(update(THINGS).where(THINGS.c.name == first).values(number=1))
            await both_hold.wait()
            await session.execute(update(THINGS).where(THINGS.c.name == second).values(number=1))

    ended = await asyncio.gather(take("a", "b"), take("b", "a"), return_exceptions=True)
    assert [type(end) for end in ended if end is not None] == [TemporarilyUnavailable]


@only_postgresql
@pytest.mark.s(66)
async def test_exhausted_connection_pool_is_temporarily_unavailable(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_module, "CONNECT_SECONDS", 1.0)
    other = world.another_process()
    held = asyncio.Event()

    async def hold() -> None:
        async with other.database.snapshot() as session:
            await session.execute(text("SELECT 1"))
            await held.wait()

    holders = [asyncio.create_task(hold()) for _ in range(20)]
    pool = cast("QueuePool", other.database.engine.pool)
    await until(lambda: pool.checkedout() == 20)
    with pytest.raises(TemporarilyUnavailable):
        await other.names()
    held.set()
    await asyncio.gather(*holders)
    assert await other.names() == []
    await other.database.close()


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "SELECT nothing FROM things", "nonsense"])
async def test_invalid_statement_is_not_transient(world: World, statement: str):
    with pytest.raises(DBAPIError):
        async with world.database.snapshot() as session:
            await session.execute(text(statement))

"""Services, NATS and PostgreSQL are killed or paused while users sign in; afterwards outboxes and streams must agree.

LATCHKEY_CHAOS_SIGN_INS sets the number of sign-ins; the default is small, a longer run uses 1,000.
"""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx2
import pytest
from sqlalchemy.engine import make_url

from deploy.provision.topology import NATS, SERVICE_NAMES
from tests.chaos.ledger import ask, out_of_order, streamed, written
from tests.chaos.postgres_server import OwnPostgres, own_postgres
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.xdist_group("chaos-reconciliation"), pytest.mark.timeout(3600)]
SIGN_INS = int(os.environ.get("LATCHKEY_CHAOS_SIGN_INS", "16"))
CONNECTIONS, POSTGRES = "connections to the database", "postgresql"
AT_ONCE = 4
USERS = 6


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def postgres(kind: str) -> Iterator[OwnPostgres | None]:
    """A PostgreSQL server that this test may kill; None for SQLite."""
    if kind == "sqlite":
        yield None
        return
    with TemporaryDirectory(prefix="latchkey-chaos-") as folder, own_postgres(Path(folder) / "postgres") as server:
        yield server


@pytest.fixture(scope="module")
def system(postgres: OwnPostgres | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("reconciliation")
    with running_stack(folder, database_url=postgres.url if postgres else None) as running:
        yield running


async def _sign_in(system: Stack, client: RelyingParty, username: str) -> None:
    """Signs in; starts again after a failure, as a user does."""
    async with asyncio.timeout(300):
        while True:
            with suppress(AssertionError, httpx2.HTTPError, KeyError, ValueError):
                async with Browser(system.issuer) as browser:
                    await client.sign_in(browser, username=username)
                    return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _dying(system: Stack, postgres: OwnPostgres | None) -> AsyncIterator[list[str]]:
    """Kills or pauses programs one after the other and starts them again; yields the names of those."""
    died: list[str] = []
    over = asyncio.Event()
    randomness = random.Random(os.environ.get("LATCHKEY_CHAOS_SEED", "0"))

    async def kill_again_and_again() -> None:
        while not over.is_set():
            victim = randomness.choice([*SERVICE_NAMES, NATS, *([CONNECTIONS, POSTGRES] if postgres else [])])
            died.append(victim)
            if victim == CONNECTIONS:
                await _cut_connections(system)
            elif victim == POSTGRES and postgres:
                await asyncio.to_thread(postgres.kill)
                await asyncio.sleep(randomness.uniform(0, 0.5))
                await asyncio.to_thread(postgres.start)
            elif randomness.random() < 0.25:
                await _hang(system, victim, seconds=randomness.uniform(0.2, 2))
            else:
                await asyncio.to_thread(system.restart, victim)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), randomness.uniform(0.05, 0.6))

    killing = asyncio.create_task(kill_again_and_again())
    try:
        yield died
    finally:
        over.set()
        await killing


async def _restarted(postgres: OwnPostgres) -> None:
    await asyncio.to_thread(postgres.kill)
    await asyncio.to_thread(postgres.start)


async def _hang(system: Stack, victim: str, *, seconds: float) -> None:
    """Pauses a program: it keeps its connections and does not respond, then continues."""
    system.pause(victim)
    await asyncio.sleep(seconds)
    system.resume(victim)


async def _cut_connections(system: Stack) -> None:
    """Terminates all connections to the database; the server keeps running."""
    url = make_url(system.layout.database_url or "")
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


async def _everything_is_sent(system: Stack) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while True:
            events = await written(system)
            if all(event.sent for own in events.values() for event in own):
                return events
            await asyncio.sleep(0.1)


async def test_outbox_and_streams_agree_after_kills_of_services_nats_and_postgresql(
    system: Stack, postgres: OwnPostgres | None
) -> None:
    users = [(await new_user(system))[0] for _ in range(USERS)]
    async with await RelyingParty.registered(system) as client:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with room:
                await _sign_in(system, client, users[number % USERS])

        async with _dying(system, postgres) as died:
            await asyncio.gather(*(one(number) for number in range(SIGN_INS)))
        if postgres and POSTGRES not in died:  # at least once during a sign-in, independent of the random choice
            await asyncio.to_thread(system.wait_until_ready)
            await asyncio.gather(_restarted(postgres), one(0))
            died.append(POSTGRES)
    await asyncio.to_thread(system.wait_until_ready)
    written = {event.event_id: event for own in (await _everything_is_sent(system)).values() for event in own}
    streams = await streamed(system)
    published = [event for stream in streams.values() for event in stream if "subjectseq" in event]

    assert died, "no program was killed"
    assert {event["id"] for event in published} == set(written), "lost or invented"
    assert len(published) == len(written), "published twice"
    assert all(json.loads(written[event["id"]].body) == event for event in published)
    for stream in streams.values():
        assert out_of_order(stream) == []

    sessions = {row[0] for row in await ask(system, "authentication", "SELECT id FROM sessions")}
    assert sessions == {
        event["data"]["session_id"] for event in published if event["type"] == "latchkey.session.created.v1"
    }
    grants = {row[0] for row in await ask(system, "token", "SELECT grant_id FROM grants")}
    redeemed = {event["data"]["grant_id"] for event in published if event["type"] == "latchkey.code.redeemed.v1"}
    assert len(redeemed) >= SIGN_INS
    assert redeemed <= grants

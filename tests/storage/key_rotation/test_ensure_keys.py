import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from libs.crypto.jwt import SigningKey
from libs.crypto.random import new_secret
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.sql.database import Database
from services.key_rotation.app import generate
from tests.storage.key_rotation.replicas import (
    NOON,
    Replica,
    StoppedClock,
    execute,
    ready_made,
    replica_of,
    rows,
    states,
)

COMPLETE = [("ES256", "active"), ("ES256", "next"), ("RS256", "active"), ("RS256", "next")]
REPLICAS = 8


def _events(outbox: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return sorted((row["nats_subject"].rsplit(".", 1)[0], row["subject"]) for row in outbox)


async def test_first_start_creates_active_and_next_key_for_each_algorithm(replica: Replica):
    await replica.ensure()
    assert await states(replica.database) == COMPLETE
    for row in await rows(replica.database):
        assert row["published_at"] == NOON
        assert row["activates_at"] == (NOON if row["state"] == "active" else None)
        assert row["version"] == 1


async def test_key_events_are_in_the_same_transaction(replica: Replica):
    await replica.ensure()
    made = await rows(replica.database)
    expected = [("latchkey.v1.key.published", row["kid"]) for row in made]
    expected += [("latchkey.v1.key.activated", row["kid"]) for row in made if row["state"] == "active"]
    outbox = await rows(replica.database, "outbox")
    assert _events(outbox) == sorted(expected)
    for row in outbox:
        event = json.loads(row["envelope"])
        assert (event["producer"], event["actortype"], event["data"]["kid"]) == (
            "key-rotation",
            "system",
            row["subject"],
        )


async def test_later_start_creates_no_keys(replica: Replica, url: str):
    await replica.ensure()
    before = await rows(replica.database)

    async def unwanted(alg: str) -> SigningKey:
        raise AssertionError(alg)

    async with replica_of(url, generate=unwanted) as later:
        await later.ensure()
        assert await rows(later.database) == before


async def test_missing_next_key_is_created_without_activation(replica: Replica):
    await replica.ensure()
    await execute(replica.database, "DELETE FROM signing_keys WHERE state = 'next' AND alg = 'ES256'")
    await replica.ensure()
    assert await states(replica.database) == COMPLETE
    newest = [row for row in await rows(replica.database) if (row["alg"], row["state"]) == ("ES256", "next")]
    assert newest[0]["activates_at"] is None


async def test_later_keys_are_created_as_next_keys(replica: Replica):
    await replica.ensure()
    await execute(
        replica.database,
        "UPDATE signing_keys SET state = 'revoked', sealed_private = NULL, wrapped_data_key = NULL WHERE state = 'active'",
    )
    await replica.ensure()
    assert ("ES256", "active") not in await states(replica.database)
    assert {key.state.value for key in await replica.published()} == {"next"}


async def test_concurrent_starts_create_one_active_and_one_next_key(url: str):
    all_arrived = {alg: asyncio.Barrier(REPLICAS) for alg in ("RS256", "ES256")}
    arrived: set[tuple[int, str]] = set()

    def generator(which: int):
        async def make(alg: str) -> SigningKey:
            # No replica writes before every replica has read the empty database.
            if (which, alg) not in arrived:
                arrived.add((which, alg))
                await all_arrived[alg].wait()
            return SigningKey.generate("ES256") if alg == "ES256" else await generate(alg)

        return make

    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(replica_of(url, generate=generator(which))) for which in range(REPLICAS)
        ]
        await asyncio.gather(*(replica.ensure() for replica in replicas))
        database = replicas[0].database
        assert len(arrived) == 2 * REPLICAS
        assert await states(database) == COMPLETE
        kids = [row["kid"] for row in await rows(database)]
        events = _events(await rows(database, "outbox"))
        assert [kid for name, kid in events if name == "latchkey.v1.key.published"] == sorted(kids)
        assert len(events) == 6
        views = [[key.kid for key in await replica.published()] for replica in replicas]
        assert views == [views[0]] * REPLICAS


async def test_concurrent_replicas_create_one_missing_next_key(url: str, replica: Replica):
    await replica.ensure()
    await execute(replica.database, "DELETE FROM signing_keys WHERE state = 'next'")
    all_arrived = {alg: asyncio.Barrier(REPLICAS) for alg in ("RS256", "ES256")}

    async def make(alg: str) -> SigningKey:
        await all_arrived[alg].wait()
        return await generate(alg)

    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(replica_of(url, generate=make)) for _ in range(REPLICAS)]
        await asyncio.gather(*(racer.ensure() for racer in replicas))
    assert await states(replica.database) == COMPLETE


async def test_key_is_not_created_when_its_event_cannot_be_stored(replica: Replica):
    await execute(replica.database, "DROP TABLE outbox")
    with pytest.raises((TemporarilyUnavailable, DBAPIError)):
        await replica.ensure()
    assert await states(replica.database) == []


async def test_each_issuer_has_its_own_keys(replica: Replica, url: str):
    await replica.ensure()
    async with replica_of(url, issuer="https://other.example") as other:
        await other.ensure()
        own, others = await replica.published(), await other.published()
        assert len(own) == len(others) == 4
        assert {key.kid for key in own}.isdisjoint(key.kid for key in others)


async def test_generating_keys_does_not_block_the_event_loop(replica: Replica):
    longest = 0.0

    async def measure() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0)
            longest, last = max(longest, loop.time() - last), loop.time()

    measuring = asyncio.create_task(measure())
    started = asyncio.get_running_loop().time()
    for _ in range(5):
        await generate("RS256")
    taken = asyncio.get_running_loop().time() - started
    measuring.cancel()
    assert longest < taken / 2


@pytest.mark.parametrize("state", ["active", "next"])
async def test_database_refuses_a_second_key_in_the_same_state(replica: Replica, state: str):
    await replica.ensure()
    copied = "issuer, alg, state, version, public_jwk, sealed_private, wrapped_data_key, kek_version, seal_version, published_at, activates_at"
    with pytest.raises(DBAPIError, match=r"(?i)unique"):
        await execute(
            replica.database,
            f"INSERT INTO signing_keys (kid, {copied}) SELECT '{new_secret()}', {copied} FROM signing_keys WHERE state = '{state}'",
        )


@pytest.mark.parametrize(
    "change",
    [
        "sealed_private = NULL, wrapped_data_key = NULL",
        "state = 'retiring'",
        "wrapped_data_key = NULL",
        "activates_at = NULL",
    ],
)
async def test_database_refuses_a_key_in_an_inconsistent_state(replica: Replica, change: str):
    await replica.ensure()
    with pytest.raises(DBAPIError, match=r"(?i)check"):
        await execute(replica.database, f"UPDATE signing_keys SET {change} WHERE state = 'active'")


@pytest.mark.s(60)
async def test_private_keys_are_not_logged(database: Database):
    made: list[SigningKey] = []

    async def remember(alg: str) -> SigningKey:
        made.append(ready_made(alg, len(made)))
        return made[-1]

    replica = Replica(database, generate=remember, clock=StoppedClock())
    with capture_logs() as logs:
        await replica.ensure()
        keys = await replica.published()
    output = repr(logs) + repr(keys) + repr(made) + repr(await replica.signing(bytes(31) + b"\x09"))
    assert [log["event"] for log in logs] == ["key.created"] * 4
    for key in made:
        der = key.to_pkcs8()
        for start in range(0, len(der) - 16, 16):
            assert der[start : start + 16].hex() not in output
            assert repr(der[start : start + 16])[2:-1] not in output

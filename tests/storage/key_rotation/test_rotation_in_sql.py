"""Key rotation on real databases, with several replicas and with crashes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from libs.servicekit.sql.database import Database
from services.key_rotation.domain.keys import Key, KeyState
from services.key_rotation.domain.rotation import Change
from services.key_rotation.store.keys import Keys
from services.key_rotation.usecases.advance_keys import MAX_SKIPPED_STEPS
from tests.storage.key_rotation.replicas import (
    NOON,
    POLICY,
    Replica,
    StoppedClock,
    execute,
    ready_made,
    replica_of,
    rows,
    states,
)

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
COMPLETE = [("ES256", "active"), ("ES256", "next"), ("RS256", "active"), ("RS256", "next")]
REPLICAS = 4


async def _keys(database: Database, alg: str = "ES256") -> dict[str, Key]:
    """Return the newest key in each state."""
    async with database.snapshot() as session:
        return {key.state.value: key for key in await Keys(session, issuer="https://id.example").history(alg)}


async def _events(database: Database) -> Counter[str]:
    envelopes = [json.loads(row["envelope"]) for row in await rows(database, "outbox")]
    return Counter(event["type"].removeprefix("latchkey.key.").removesuffix(".v1") for event in envelopes)


@pytest.mark.conformance("oidcc-server-rotate-keys")
async def test_key_passes_through_all_states(replica: Replica):
    await replica.settle()
    first, second = (await _keys(replica.database))["active"], (await _keys(replica.database))["next"]
    assert (second.published_at, second.activates_at) == (NOON, NOON + POLICY.period)

    replica.clock.move(POLICY.period - SECOND)
    await replica.settle()
    assert await states(replica.database) == COMPLETE

    replica.clock.move(SECOND)
    await replica.settle()
    keys = await _keys(replica.database)
    assert (keys["retiring"].kid, keys["active"].kid) == (first.kid, second.kid)
    assert (keys["retiring"].private, keys["next"].activates_at) == (None, NOON + 2 * POLICY.period)
    assert keys["retiring"].retires_at == NOON + POLICY.period + POLICY.retention(first.signs_for)
    assert first.kid in {key.kid for key in await replica.published()}

    replica.clock.move(POLICY.retention(first.signs_for) - SECOND)
    await replica.settle()
    assert (await _keys(replica.database))["retiring"].kid == first.kid
    replica.clock.move(SECOND)
    await replica.settle()
    assert (await _keys(replica.database))["retired"].kid == first.kid
    assert first.kid not in {key.kid for key in await replica.published()}
    assert await _events(replica.database) == {"published": 6, "activated": 4, "retired": 2}


async def test_private_key_is_deleted_when_the_key_stops_signing(replica: Replica):
    await replica.settle()
    replica.clock.move(POLICY.period)
    await replica.settle()
    for row in await rows(replica.database):
        assert (row["sealed_private"] is None) == (row["wrapped_data_key"] is None) == (row["state"] == "retiring")


async def test_concurrent_replicas_rotate_once(url: str, replica: Replica):
    await replica.settle()
    clock = StoppedClock(NOON + POLICY.period)
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(_without_turns(url, clock)) for _ in range(REPLICAS)]
        for _ in range(3):
            await asyncio.gather(*(racer.advance() for racer in replicas))
    expected = sorted([*COMPLETE, ("ES256", "retiring"), ("RS256", "retiring")])
    assert await states(replica.database) == expected
    assert await _events(replica.database) == {"published": 6, "activated": 4}


async def test_only_the_first_of_two_changes_of_one_key_is_saved(url: str, replica: Replica):
    await replica.settle()
    before = (await _keys(replica.database))["next"]
    async with replica_of(url) as other:
        async with other.work() as work:
            assert await work.keys.save(Change(before, before.become(KeyState.REVOKED)))
        async with replica.work() as work:
            assert not await work.keys.save(Change(before, before.become(KeyState.ACTIVE)))
    assert (await _keys(replica.database))["revoked"].kid == before.kid


@pytest.mark.parametrize("commit", range(1, 7))
async def test_rotation_is_finished_by_another_replica_after_a_crash_at_any_commit(
    url: str, replica: Replica, commit: int
):
    await replica.settle()
    clock = StoppedClock(NOON + POLICY.period)
    async with replica_of(url, clock=clock, generate=_quick) as doomed:
        _die_at(doomed, commit)
        with pytest.raises(_PowerCutError):
            await doomed.settle()
    async with replica_of(url, clock=clock, generate=_quick) as heir:
        await heir.settle()
        expected = sorted([*COMPLETE, ("ES256", "retiring"), ("RS256", "retiring")])
        assert await states(heir.database) == expected
        assert await _events(heir.database) == {"published": 6, "activated": 4}
        for row in await rows(heir.database):
            assert (row["retires_at"] is None) == (row["state"] != "retiring")
            assert row["activates_at"] is not None


async def test_waiting_times_start_when_a_change_was_read(replica: Replica):
    await replica.settle()
    replica.clock.move(POLICY.period)
    await replica.advance.step()
    began, hung, look = replica.clock.at, timedelta(minutes=20), replica.work.reading

    @asynccontextmanager
    async def hanging():
        async with look() as view:
            replica.clock.at = began + hung
            yield view

    replica.advance.view = hanging
    await replica.advance.step(("ES256",))
    keys = await _keys(replica.database)
    assert keys["next"].published_at == began + hung
    assert keys["retiring"].retires_at == began + hung + POLICY.retention(timedelta(0))


async def test_retention_uses_the_longest_requested_lifetime(replica: Replica):
    await replica.settle()
    recipient = bytes(31) + b"\x09"
    for seconds in (600, 1200, 300):
        await replica.signing(recipient, verifiable_for=timedelta(seconds=seconds))
    assert {row["signs_for_seconds"] for row in await rows(replica.database)} == {1200}
    replica.clock.move(POLICY.period)
    await replica.settle()
    retiring = (await _keys(replica.database))["retiring"]
    assert retiring.retires_at == replica.clock.at + POLICY.retention(timedelta(seconds=1200))


async def test_key_is_not_delivered_before_its_retention_is_stored(replica: Replica):
    await replica.settle()
    recipient = bytes(31) + b"\x09"
    stored = await replica.signing(recipient, verifiable_for=timedelta(seconds=600))
    assert len(stored.signing) == 4

    async def lost(_: timedelta) -> None:
        """Stands in for keys that another replica has just created, without a stored lifetime."""

    prolong, Keys.prolong = Keys.prolong, lambda _self, signs_for: lost(signs_for)  # type: ignore[method-assign, assignment]
    try:
        refused = await replica.signing(recipient, verifiable_for=timedelta(seconds=601))
    finally:
        Keys.prolong = prolong  # type: ignore[method-assign]
    assert (len(refused.signing), len(refused.verification)) == (0, 4)


async def test_keys_of_older_versions_are_scheduled_and_retained(replica: Replica):
    await replica.ensure()
    await execute(replica.database, "UPDATE signing_keys SET signs_for_seconds = 86400")
    await replica.settle()
    keys = await _keys(replica.database)
    assert keys["next"].activates_at == NOON + POLICY.period
    assert keys["active"].signs_for == DAY


async def test_replica_without_the_lock_skips_a_limited_number_of_steps(database: Database):
    @asynccontextmanager
    async def never_ours() -> AsyncIterator[bool]:
        yield False

    replica = Replica(database, lock=never_ours)
    for _ in range(MAX_SKIPPED_STEPS):
        assert not await replica.advance()
    assert await states(database) == []
    assert await replica.advance()
    assert await states(database) == COMPLETE


async def test_rotation_lock_is_held_by_one_replica(url: str, replica: Replica):
    async with replica_of(url) as other:
        async with replica.lock() as ours, other.lock() as theirs:
            # SQLite is for one process, which always has it.
            assert (ours, theirs) == (True, url.startswith("sqlite"))
        async with other.lock() as theirs:
            assert theirs


class _PowerCutError(Exception):
    pass


def _die_at(replica: Replica, commit: int) -> None:
    """Simulate a crash just before the `commit`th transaction commits."""
    begun = 0

    @asynccontextmanager
    async def dying(real=replica.work):
        nonlocal begun
        begun += 1
        async with real() as work:
            yield work
            if begun == commit:
                raise _PowerCutError

    replica.advance.begin = replica.ensure.begin = dying


async def _quick(alg: str):
    _quick_made.append(alg)
    return ready_made(alg, len(_quick_made))


_quick_made: list[str] = []


@asynccontextmanager
async def _no_turns() -> AsyncIterator[bool]:
    yield True


@asynccontextmanager
async def _without_turns(url: str, clock: StoppedClock) -> AsyncIterator[Replica]:
    async with replica_of(url, clock=clock, lock=_no_turns, generate=_quick) as replica:
        yield replica

"""Throttling of wrong passwords, which affects no other user (security checklist 46, 47)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sign_in.throttle import (
    CALM,
    MAX_WAIT,
    MAX_WAIT_SHARED,
    TIGHT,
    UNDER_ATTACK,
    WINDOW,
)
from services.authentication.store.tables import FAILURES
from services.authentication.usecases.sign_in.sign_in import Attempt
from tests.storage.authentication.world import PASSWORD, World

pytestmark = pytest.mark.s(47)
HERE, THERE = "192.0.2.0/24", "198.51.100.0/24"


def attempt(username: str = "alice", password: str = "wrong", *, network: str = HERE) -> Attempt:
    return Attempt(username, password, "", Origin(ip_prefix=network))


async def fails(world: World, times: int = 1, *, username: str = "alice", network: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(AccessDenied):
            await world.sign_in(attempt(username, network=network))


async def waits(world: World, username: str = "alice", password: str = PASSWORD, *, network: str = HERE) -> int:
    """Seconds until the next attempt is allowed."""
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await world.sign_in(attempt(username, password, network=network))
    assert refusal.value.reason == "SIGN_IN_THROTTLED"
    assert refusal.value.retry_after
    return refusal.value.retry_after


async def test_a_few_typing_errors_cost_nothing_and_a_success_forgives_them(world: World) -> None:
    await world.user()
    for _ in range(3):
        await fails(world, CALM.name - 1)
        await world.sign_in(attempt(password=PASSWORD))
    await fails(world, CALM.name - 1)


async def test_after_that_each_failure_doubles_the_wait(world: World) -> None:
    await world.user()
    await fails(world, CALM.name)
    hashes = world.passwords.operations
    assert await waits(world) == 1
    assert world.passwords.operations == hashes  # nothing was tried, the right password included
    for expected in (2, 4, 8):
        world.clock.move(timedelta(seconds=expected // 2))
        await fails(world)
        assert await waits(world) == expected
    for _ in range(9):
        world.clock.move(MAX_WAIT)
        await fails(world)
    assert await waits(world) == MAX_WAIT.total_seconds()
    world.clock.move(MAX_WAIT)
    await world.sign_in(attempt(password=PASSWORD))


async def test_attacker_cannot_lock_out_a_user(world: World) -> None:
    """The user signs in from a network that has not failed, as if nothing were going on."""
    await world.user()
    await fails(world, CALM.name, network=THERE)
    await waits(world, network=THERE)
    await world.sign_in(attempt(password=PASSWORD, network=HERE))


@pytest.mark.s(46)
async def test_unknown_username_is_throttled_like_a_known_one(world: World) -> None:
    await world.user()
    for username in ("alice", "unknown", "ALICE "):
        await fails(world, CALM.name if username != "ALICE " else 0, username=username)
        assert await waits(world, username) == 1


async def test_a_network_that_tries_many_names_waits_for_all_of_them(world: World) -> None:
    await world.user()
    for number in range(CALM.network):
        await fails(world, username=f"name-{number}")
    assert await waits(world, "a-new-name") == 1
    await world.sign_in(attempt(password=PASSWORD, network=THERE))


async def test_under_attack_who_has_failed_waits_sooner_and_others_not_at_all(world: World) -> None:
    await world.user()
    await fails(world, username="one")
    async with world.database.transaction() as session:
        overall = max((await session.execute(select(FAILURES))).all(), key=lambda row: row.counted)
        assert overall.counted == 1
        await session.execute(FAILURES.update().values(counted=UNDER_ATTACK))
    await fails(world, TIGHT.name, username="two", network=THERE)
    await waits(world, "two", network=THERE)
    await world.sign_in(attempt(password=PASSWORD, network="203.0.113.0/24"))


async def test_right_passwords_are_never_counted(world: World) -> None:
    await world.user()
    for _ in range(CALM.network + 5):
        await world.sign_in(attempt(password=PASSWORD))
    async with world.database.snapshot() as session:
        assert (await session.execute(select(FAILURES))).all() == []


async def test_attempts_at_once_do_not_slip_through(world: World) -> None:
    await world.user()
    await fails(world, CALM.name - 1)

    async def meanwhile() -> None:
        assert await waits(world) == 1  # one is under way, and it may fail

    world.passwords.meanwhile = meanwhile
    await fails(world)
    assert world.passwords.meanwhile is None


@pytest.mark.parametrize("network", ["10.89.2.0/24", "127.0.0.0/24", "fd00:1::/48", "::/48", ""])
async def test_throttle_behind_a_shared_address_stays_short_and_affects_no_other_name(
    world: World, network: str
) -> None:
    """An attacker could otherwise lock out every user behind it."""
    await world.user()
    for _ in range(CALM.network + 1):
        world.clock.move(MAX_WAIT_SHARED)
        await fails(world, username="guessed", network=network)
    assert await waits(world, "guessed", network=network) == MAX_WAIT_SHARED.total_seconds()
    await world.sign_in(attempt(password=PASSWORD, network=network))


@pytest.mark.s(62)
async def test_counts_are_forgotten_after_a_while_and_hold_nothing_that_was_typed(world: World) -> None:
    await world.user()
    await fails(world, CALM.name)
    async with world.database.snapshot() as session:
        rows = (await session.execute(select(FAILURES))).all()
    assert len(rows) == 3
    assert all(len(row.key) == 32 and b"alice" not in row.key for row in rows)
    world.clock.move(WINDOW)
    await world.sign_in(attempt(password=PASSWORD))
    world.clock.move(timedelta(seconds=1))
    await world.sweep()
    async with world.database.snapshot() as session:
        assert (await session.execute(select(FAILURES))).all() == []


@pytest.mark.s(17)
async def test_wrong_passwords_through_a_client_are_counted_for_the_client(world: World) -> None:
    await world.user()
    through = Attempt("alice", "wrong", origin=Origin(client_id="c_app"), through_client=True)
    for _ in range(CALM.name):
        with pytest.raises(AccessDenied):
            await world.sign_in(through)
    for _ in range(10):
        world.clock.move(MAX_WAIT_SHARED)
        with pytest.raises(AccessDenied):
            await world.sign_in(through)
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await world.sign_in(replace(through, password=PASSWORD))
    assert refusal.value.retry_after == MAX_WAIT_SHARED.total_seconds()
    other = replace(through, password=PASSWORD, origin=Origin(client_id="c_other"))
    assert await world.sign_in(other)
    assert await world.sign_in(attempt(password=PASSWORD))

"""What a user may do with their sessions and their password, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from libs.oauth.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from services.authentication.domain.sign_in.throttle import CALM
from tests.storage.authentication.world import IDLE, ORIGIN, PASSWORD, World, attempt

NEW = "a brand-new password"


async def test_session_list_contains_only_live_sessions_of_the_user(world: World) -> None:
    await world.user()
    await world.user("bob")
    first, second = await world.signed_in(), await world.signed_in()
    await world.signed_in("bob")
    ended = await world.signed_in()
    await world.end_session(ended.session_secret, origin=ORIGIN)
    own = await world.list_sessions(second.session_secret)
    assert own.current_id == second.session.id
    assert {each.session.id for each in own.sessions} == {first.session.id, second.session.id}
    assert {each.ip_prefix for each in own.sessions} == {ORIGIN.ip_prefix}


async def test_a_session_that_was_left_alone_is_not_listed(world: World) -> None:
    await world.user()
    await world.signed_in()
    world.clock.move(IDLE)
    own = await world.list_sessions((await world.signed_in()).session_secret)
    assert [each.session.id for each in own.sessions] == [own.current_id]


async def test_session_ended_from_another_session_emits_an_event(world: World) -> None:
    alice = await world.user()
    here, there = await world.signed_in(), await world.signed_in()
    assert await world.end_own_sessions(here.session_secret, there.session.id) == 1
    assert await world.end_own_sessions(here.session_secret, there.session.id) == 0
    assert (await world.live(here), await world.live(there)) == (True, False)
    (emitted,) = await world.events("session.ended")
    assert (emitted["reason"], emitted["actorid"]) == ("signed_out", alice.id)
    await world.check_books()


async def test_all_the_others_are_ended_at_once(world: World) -> None:
    await world.user()
    here, *others = [await world.signed_in() for _ in range(4)]
    assert await world.end_own_sessions(here.session_secret, None) == 3
    assert await world.live(here)
    assert not any([await world.live(other) for other in others])
    await world.check_books()


@pytest.mark.s(55)
async def test_end_session_is_refused_for_session_of_another_user(world: World) -> None:
    await world.user()
    await world.user("bob")
    alice, bob = await world.signed_in(), await world.signed_in("bob")
    assert await world.end_own_sessions(bob.session_secret, alice.session.id) == 0
    assert await world.end_own_sessions(bob.session_secret, None) == 0
    assert await world.live(alice)


@pytest.mark.s(55)
@pytest.mark.parametrize("secret", ["", "x" * 43, "ended"])
async def test_without_a_session_there_is_nothing_to_see_or_to_do(world: World, secret: str) -> None:
    await world.user()
    if secret == "ended":
        secret = (await world.signed_in()).session_secret
        await world.end_session(secret, origin=ORIGIN)
    for question in (
        world.list_sessions(secret),
        world.end_own_sessions(secret, None),
        world.change_password(secret, PASSWORD, NEW, origin=ORIGIN),
    ):
        with pytest.raises(AccessDenied) as refusal:
            await question
        assert refusal.value.reason == "SESSION_MISSING"


@pytest.mark.s(24)
async def test_a_new_password_ends_every_other_session(world: World) -> None:
    alice = await world.user()
    here, there = await world.signed_in(), await world.signed_in()
    await world.change_password(here.session_secret, PASSWORD, NEW, origin=ORIGIN)
    assert (await world.live(here), await world.live(there)) == (True, False)
    with pytest.raises(AccessDenied):
        await world.signed_in()
    assert await world.signed_in(password=NEW)
    (emitted,) = await world.events("password.changed")
    assert (emitted["actortype"], emitted["actorid"]) == ("user", alice.id)
    assert NEW not in await world.outbox_text()
    await world.check_books()


@pytest.mark.s(47)
async def test_password_change_attempts_are_throttled(world: World) -> None:
    await world.user()
    here = await world.signed_in()
    for _ in range(CALM.name):
        with pytest.raises(AccessDenied) as refusal:
            await world.change_password(here.session_secret, "a guess", NEW, origin=ORIGIN)
        assert refusal.value.reason == "WRONG_CREDENTIALS"
    hashes = world.passwords.operations
    with pytest.raises(TemporarilyUnavailable) as wait:
        await world.change_password(here.session_secret, PASSWORD, NEW, origin=ORIGIN)
    assert (wait.value.reason, wait.value.retry_after) == ("SIGN_IN_THROTTLED", 1)
    assert world.passwords.operations == hashes
    assert len(await world.events("login.failed")) == CALM.name
    world.clock.move(timedelta(seconds=1))
    await world.change_password(here.session_secret, PASSWORD, NEW, origin=ORIGIN)


@pytest.mark.s(47)
@pytest.mark.usefixtures("real_password_hasher")
async def test_concurrent_wrong_passwords_are_throttled_like_sequential_ones(world: World) -> None:
    await world.user()
    here = await world.signed_in()
    with pytest.raises(AccessDenied):
        await world.change_password(here.session_secret, "a guess", NEW, origin=ORIGIN)
    hashes = world.passwords.operations
    throttle = await asyncio.gather(
        *(world.change_password(here.session_secret, f"guess {n}", NEW, origin=ORIGIN) for n in range(20)),
        *(world.sign_in(attempt(password=f"guess {n}")) for n in range(20, 40)),
        return_exceptions=True,
    )
    assert {type(each) for each in throttle} == {AccessDenied, TemporarilyUnavailable}
    assert world.passwords.operations - hashes <= CALM.name


@pytest.mark.s(50)
@pytest.mark.parametrize("new", ["short", "x" * 1_025])
async def test_invalid_new_password_is_refused_before_hashing(world: World, new: str) -> None:
    await world.user()
    here = await world.signed_in()
    hashes = world.passwords.operations
    with pytest.raises(InvalidRequest):
        await world.change_password(here.session_secret, PASSWORD, new, origin=ORIGIN)
    assert world.passwords.operations == hashes


async def test_a_password_that_changed_meanwhile_is_not_overwritten(world: World) -> None:
    await world.user()
    here = await world.signed_in()

    async def operator() -> None:
        await world.set_password("alice", "from the operator", operator="cli")

    world.passwords.meanwhile = operator
    with pytest.raises(AccessDenied):
        await world.change_password(here.session_secret, PASSWORD, NEW, origin=ORIGIN)
    assert await world.signed_in(password="from the operator")

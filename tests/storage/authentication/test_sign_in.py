"""Signing in, on SQLite and on PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from libs.crypto.hashing import secret_hash
from libs.crypto.passwords import needs_rehash
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authentication.store.tables import USERS
from services.authentication.usecases.sessions import start_session
from tests.storage.authentication.world import ABSOLUTE, NOON, PASSWORD, World, attempt
from tests.support.databases import statements

MINUTE = timedelta(minutes=1)


@pytest.mark.s(38, 54)
async def test_the_right_password_starts_a_session(world: World, alice: str) -> None:
    signed_in = await world.signed_in()

    session = signed_in.session
    assert (session.user_id, session.authenticated_at, session.expires_at) == (alice, NOON, NOON + ABSOLUTE)
    assert (session.acr, session.amr) == ("urn:latchkey:acr:password", ("pwd",))
    [row] = await world.sessions()
    assert (row.id, row.user_id, row.ip_prefix) == (session.id, alice, "192.0.2.0/24")
    assert row.secret_hash == secret_hash(signed_in.session_secret)
    assert len(signed_in.session_secret) == 43
    await world.check_books()


async def test_login_event_contains_the_circumstances(world: World, alice: str) -> None:
    signed_in = await world.signed_in()

    [login, created] = await world.events("login.succeeded", "session.created")
    assert login["subject"] == created["subject"] == alice
    assert login["correlationid"] == created["correlationid"] == "request-1"
    assert (login["actortype"], login["actorid"], login["outcome"]) == ("user", alice, "success")
    assert login["data"] == {
        "user_id": alice,
        "session_id": signed_in.session.id,
        "client_id": "c_shop",
        "amr": ["pwd"],
        "acr": "urn:latchkey:acr:password",
        "ip_prefix": "192.0.2.0/24",
    }
    assert created["data"] == {"user_id": alice, "session_id": signed_in.session.id, "ip_prefix": "192.0.2.0/24"}


@pytest.mark.s(60)
async def test_no_event_and_no_row_contains_the_password_or_the_session_secret(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    with pytest.raises(AccessDenied):
        await world.signed_in(password="a-typed-canary")

    kept = repr([tuple(row) for row in (*await world.users(), *await world.sessions())])
    for secret in (PASSWORD, signed_in.session_secret, "a-typed-canary"):
        assert secret not in await world.outbox_text()
        assert secret not in kept
        assert secret not in repr(signed_in) + repr(attempt(password=secret))


@pytest.mark.parametrize("typed", ["alice", "ALICE", " alice ", "\uff41\uff4c\uff49\uff43\uff45", "Ⓐlice"])
async def test_a_name_is_found_whatever_its_case_and_its_unicode_form(world: World, alice: str, typed: str) -> None:
    assert (await world.signed_in(typed)).session.user_id == alice


@pytest.mark.s(38)
async def test_signing_in_again_replaces_the_session_of_the_browser(world: World, alice: str) -> None:
    first = await world.signed_in()
    world.clock.move(MINUTE)
    second = await world.signed_in(session_secret=first.session_secret)

    assert second.session.id != first.session.id
    assert second.session_secret != first.session_secret
    assert not await world.live(first)
    assert await world.live(second)
    [ended] = await world.events("session.ended")
    assert (ended["data"]["session_id"], ended["reason"]) == (first.session.id, "replaced")
    await world.check_books()


@pytest.mark.s(38)
async def test_sign_in_of_another_user_ends_the_previous_session_of_the_browser(world: World, alice: str) -> None:
    bob = (await world.user("bob")).id
    first = await world.signed_in("alice")
    await world.signed_in("bob", session_secret=first.session_secret)

    [ended] = await world.events("session.ended")
    assert (ended["subject"], ended["actorid"], ended["reason"]) == (alice, bob, "replaced")
    await world.check_books()


@pytest.mark.s(38)
async def test_planted_session_secret_does_not_become_a_session(world: World, alice: str) -> None:
    planted = "x" * 43
    signed_in = await world.signed_in(session_secret=planted)

    assert signed_in.session_secret != planted
    assert await world.get_session(signed_in.session.id) is None
    assert await world.get_session(planted) is None


async def _weaken(world: World, user_id: str) -> str:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with world.database.transaction() as session:
        await session.execute(update(USERS).where(USERS.c.id == user_id).values(password_hash=weak))
    return weak


async def test_an_old_hash_is_replaced_by_signing_in(world: World, alice: str) -> None:
    await _weaken(world, alice)
    await world.signed_in()

    [row] = await world.users()
    assert not needs_rehash(row.password_hash)
    assert row.password_version == 1
    assert not await world.events("password.changed")
    await world.signed_in()


async def test_two_sign_ins_that_both_replace_the_old_hash_both_get_in(world: World, alice: str) -> None:
    await _weaken(world, alice)
    await asyncio.gather(world.signed_in(), world.signed_in())
    assert len(await world.sessions()) == 2


async def test_an_old_hash_is_kept_when_the_queue_has_no_place_for_a_new_one(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = await _weaken(world, alice)

    async def full(_password: str) -> str:
        raise TemporarilyUnavailable(reason=Reason.PASSWORD_QUEUE_FULL)

    monkeypatch.setattr(world.passwords, "hash", full)
    await world.signed_in()
    [row] = await world.users()
    assert row.password_hash == weak


async def test_the_least_used_of_too_many_sessions_ends(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_session, "MAX_LIVE_PER_USER", 2)
    signed_in = []
    for _ in range(3):
        signed_in.append(await world.signed_in())
        world.clock.move(MINUTE)

    assert [await world.live(one) for one in signed_in] == [False, True, True]
    [ended] = await world.events("session.ended")
    assert (ended["reason"], ended["actortype"]) == ("expired", "system")
    await world.check_books()


async def test_a_sign_in_takes_this_many_statements(world: World, alice: str) -> None:
    with statements(world.database) as sent:
        signed_in = await world.signed_in()
    # Read failures and credentials; lock these, end what is surplus, add the session, count and write the events.
    assert len(sent) == 7, sent
    with statements(world.database) as sent:
        await world.signed_in(session_secret=signed_in.session_secret)
    assert len(sent) == 8, sent

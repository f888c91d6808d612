"""Signing in, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from libs.crypto.hashing import secret_hash
from libs.crypto.passwords import needs_rehash
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from services.authentication.password_pool import PasswordPool
from services.authentication.store.tables import USERS
from services.authentication.usecases import sign_in
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


async def test_the_login_is_told_with_its_circumstances(world: World, alice: str) -> None:
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
async def test_nothing_that_is_told_or_kept_holds_the_password_or_the_secret(world: World, alice: str) -> None:
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


async def _unknown(_world: World) -> str:
    return "nobody"


async def _wrong_password(world: World) -> str:
    await world.set_password("alice", "another-password", operator="cli")
    return "alice"


async def _disabled(world: World) -> str:
    await world.disable_user("alice", operator="cli")
    return "alice"


@pytest.mark.s(46)
@pytest.mark.parametrize("cause", [_unknown, _wrong_password, _disabled])
async def test_every_refusal_is_the_same_at_the_same_price(
    world: World, alice: str, cause: Callable[[World], Awaitable[str]]
) -> None:
    username = await cause(world)
    operations = world.passwords.operations

    with statements(world.database) as sent, pytest.raises(AccessDenied) as refusal:
        await world.signed_in(username)

    error = refusal.value
    assert (error.description, error.reason) == ("The username or the password is wrong.", "WRONG_CREDENTIALS")
    assert (error.redirectable, error.retry_after) == (False, None)
    assert world.passwords.operations - operations == 1
    # One read, and what the outbox needs for one fact.
    assert len(sent) == 3
    assert not await world.sessions()


@pytest.mark.s(46, 50)
@pytest.mark.parametrize("username", ["", " ", "a\x00b", "two words", "x" * 100_000, "alice"])
@pytest.mark.parametrize("password", ["", "\x00", "x" * 100_000])
async def test_odd_input_is_refused_like_a_wrong_password(
    world: World, alice: str, username: str, password: str
) -> None:
    with pytest.raises(AccessDenied) as refusal:
        await world.sign_in(attempt(username, password))
    assert refusal.value.reason == "WRONG_CREDENTIALS"


async def test_a_failed_login_of_somebody_is_told_under_their_id(world: World, alice: str) -> None:
    with pytest.raises(AccessDenied):
        await world.signed_in(password="wrong-password")

    [failed] = await world.events("login.failed")
    assert (failed["subject"], failed["outcome"], failed["reason"]) == (alice, "failure", "wrong_credentials")
    assert failed["data"] == {
        "user_id": alice,
        "client_id": "c_shop",
        "ip_prefix": "192.0.2.0/24",
        "reason": "REASON_WRONG_CREDENTIALS",
    }
    assert "actorid" not in failed


async def test_a_failed_login_of_a_disabled_account_says_so_to_subscribers_only(world: World, alice: str) -> None:
    await world.disable_user("alice", operator="cli")
    with pytest.raises(AccessDenied):
        await world.signed_in()

    [failed] = await world.events("login.failed")
    assert (failed["subject"], failed["reason"]) == (alice, "account_disabled")


@pytest.mark.s(60, 62)
async def test_a_failed_login_of_nobody_is_told_without_what_was_typed(world: World) -> None:
    for typed in ("My-Secret-Password", "my-secret-password", "another-secret"):
        with pytest.raises(AccessDenied):
            await world.signed_in(typed)

    first, same, other = await world.events("login.failed")
    assert "user_id" not in first["data"]
    assert first["subject"] == same["subject"] != other["subject"]
    assert first["subject"].startswith("unknown-")
    assert "secret" not in (await world.outbox_text()).lower()


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
async def test_somebody_else_at_the_same_browser_ends_the_session_of_the_one_before(world: World, alice: str) -> None:
    bob = (await world.person("bob")).id
    first = await world.signed_in("alice")
    await world.signed_in("bob", session_secret=first.session_secret)

    [ended] = await world.events("session.ended")
    assert (ended["subject"], ended["actorid"], ended["reason"]) == (alice, bob, "replaced")
    await world.check_books()


@pytest.mark.s(38)
async def test_a_secret_that_somebody_planted_does_not_become_a_session(world: World, alice: str) -> None:
    planted = "x" * 43
    signed_in = await world.signed_in(session_secret=planted)

    assert signed_in.session_secret != planted
    assert await world.get_session(signed_in.session.id) is None
    assert await world.get_session(planted) is None


async def test_a_refused_sign_in_leaves_the_session_of_the_browser_alone(world: World, alice: str) -> None:
    present = await world.signed_in()
    with pytest.raises(AccessDenied):
        await world.signed_in(session_secret=present.session_secret, password="wrong-password")
    assert await world.live(present)


async def test_two_sign_ins_of_one_browser_end_its_session_once(world: World, alice: str) -> None:
    old = await world.signed_in()
    both = await asyncio.gather(*(world.signed_in(session_secret=old.session_secret) for _ in range(2)))

    assert len({signed_in.session.id for signed_in in both}) == 2
    assert not await world.live(old)
    assert len(await world.events("session.ended")) == 1
    await world.check_books()


async def test_people_who_swap_browsers_at_once_do_not_block_each_other(world: World, alice: str) -> None:
    await world.person("bob")
    for _ in range(5):
        of_alice, of_bob = await world.signed_in("alice"), await world.signed_in("bob")
        await asyncio.gather(
            world.signed_in("bob", session_secret=of_alice.session_secret),
            world.signed_in("alice", session_secret=of_bob.session_secret),
        )
    await world.check_books()


@pytest.mark.s(55)
async def test_an_account_disabled_while_its_password_is_checked_does_not_get_in(world: World, alice: str) -> None:
    async def disable() -> None:
        await world.disable_user("alice", operator="cli")

    world.passwords.meanwhile = disable
    with pytest.raises(AccessDenied):
        await world.signed_in()

    assert not await world.sessions()
    [failed] = await world.events("login.failed")
    assert failed["reason"] == "account_disabled"


@pytest.mark.s(55)
async def test_a_password_changed_while_it_is_checked_does_not_get_in(world: World, alice: str) -> None:
    async def change() -> None:
        await world.set_password("alice", "another-password", operator="cli")

    world.passwords.meanwhile = change
    with pytest.raises(AccessDenied):
        await world.signed_in()

    assert not await world.sessions()
    assert (await world.signed_in(password="another-password")).session.user_id == alice


async def test_no_session_outlives_a_disabling_that_races_with_sign_ins(world: World, alice: str) -> None:
    attempts = [world.signed_in() for _ in range(6)]
    await asyncio.gather(
        *attempts[:3], world.disable_user("alice", operator="cli"), *attempts[3:], return_exceptions=True
    )

    assert all(row.ended_at for row in await world.sessions())
    await world.check_books()


async def test_no_transaction_is_open_while_a_password_is_hashed(world: World, alice: str) -> None:
    open_connections = []

    async def look() -> None:
        open_connections.append(world.database.engine.pool.checkedout())  # type: ignore[attr-defined]

    world.passwords.meanwhile = look
    await world.signed_in()
    assert open_connections == [0]


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
        raise TemporarilyUnavailable(reason="PASSWORD_QUEUE_FULL")

    monkeypatch.setattr(world.passwords, "hash", full)
    await world.signed_in()
    [row] = await world.users()
    assert row.password_hash == weak


@pytest.mark.s(47)
async def test_a_full_queue_refuses_at_once_and_changes_nothing(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = PasswordPool(workers=1, queue=0)
    monkeypatch.setattr(world.sign_in, "_passwords", full)
    first, *others = await asyncio.gather(*(world.signed_in() for _ in range(4)), return_exceptions=True)
    full.close()

    assert isinstance(first, sign_in.SignedIn)
    assert all(isinstance(other, TemporarilyUnavailable) and other.retry_after == 2 for other in others)
    assert len(await world.sessions()) == 1
    assert not await world.events("login.failed")


async def test_the_least_used_of_too_many_sessions_ends(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "MAX_LIVE_PER_USER", 2)
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
    # Read the credentials; lock them, end what is surplus, add the session, count and write the facts.
    assert len(sent) == 6, sent
    with statements(world.database) as sent:
        await world.signed_in(session_secret=signed_in.session_secret)
    assert len(sent) == 7, sent


async def test_a_fact_that_cannot_be_written_undoes_the_sign_in(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_keywords: object) -> None:
        raise RuntimeError("no facts today")

    monkeypatch.setattr("services.authentication.facts.signed_in", fail)
    with pytest.raises(RuntimeError):
        await world.signed_in()
    assert not await world.sessions()
    monkeypatch.undo()
    await world.check_books()

"""What operators do to users."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.domain.accounts.account import AccountState
from services.authentication.usecases.accounts.create_user import NewUser
from services.authentication.usecases.accounts.list_users import UserQuery
from tests.storage.authentication.world import NOON, PASSWORD, World
from tests.support.databases import statements


@pytest.mark.s(54)
async def test_created_user_can_sign_in_and_an_event_is_emitted(world: World) -> None:
    account = await world.user("Alice", email="alice@example.org")

    assert (account.username, account.state, account.created_at) == ("Alice", AccountState.ACTIVE, NOON)
    assert UUID(account.id).version == 7
    assert (await world.signed_in("alice")).session.user_id == account.id
    [created] = await world.events("account.created")
    assert (created["subject"], created["actortype"], created["actorid"]) == (account.id, "admin", "cli")
    assert created["data"] == {"user_id": account.id}
    assert "alice" not in str(created).lower()
    await world.check_books()


@pytest.mark.parametrize("taken", ["alice", "ALICE", "\uff41lice"])
async def test_a_name_is_given_once(world: World, alice: str, taken: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.user(taken)
    assert refusal.value.reason == "USERNAME_TAKEN"
    assert [row.id for row in await world.users()] == [alice]
    await world.check_books()


async def test_of_two_who_take_a_name_at_once_one_gets_it(world: World) -> None:
    answers = await asyncio.gather(*(world.user("alice") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, InvalidRequest) for answer in answers) == 3
    assert len(await world.users()) == 1
    await world.check_books()


@pytest.mark.s(52)
@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (NewUser("", PASSWORD), "USERNAME_MISSING"),
        (NewUser("a\x00b", PASSWORD), "USERNAME_MALFORMED"),
        (NewUser("alice", "short"), "PASSWORD_TOO_SHORT"),
        (NewUser("alice", "x" * 1025), "PASSWORD_TOO_LONG"),
        (NewUser("alice", PASSWORD, {"sub": "chosen"}), "CLAIM_UNKNOWN"),
        (NewUser("alice", PASSWORD, {"updated_at": 1.0}), "CLAIM_UNKNOWN"),
        (NewUser("alice", PASSWORD, {"email": None}), "CLAIM_MALFORMED"),
    ],
)
async def test_invalid_new_user_is_refused_before_hashing(world: World, asked: NewUser, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.create_user(asked, operator="cli")
    assert refusal.value.reason == reason
    assert refusal.value.description.isascii()
    assert world.passwords.operations == 0
    assert not await world.users()


async def test_users_are_listed_oldest_first_page_by_page(world: World) -> None:
    names = [f"user-{number}" for number in range(5)]
    for name in names:
        await world.user(name)
        world.clock.move(timedelta(milliseconds=1))

    first = await world.list_users(UserQuery(size=2, token=""))
    await world.user("late")
    second = await world.list_users(UserQuery(size=2, token=first.next_token))
    with statements(world.database) as sent:
        third = await world.list_users(UserQuery(size=2, token=second.next_token))

    listed = [account.username for page in (first, second, third) for account in page.accounts]
    assert listed == [*names, "late"]
    assert third.next_token == ""
    assert len(sent) == 1


async def test_page_sizes_have_a_default_and_a_bound(world: World, alice: str) -> None:
    assert [account.id for account in (await world.list_users(UserQuery(size=0, token=""))).accounts] == [alice]
    assert [account.id for account in (await world.list_users(UserQuery(size=2**31 - 1, token=""))).accounts] == [alice]
    for size, token in ((-1, ""), (1, "\x00"), (1, "1 OR 1=1")):
        with pytest.raises(InvalidRequest):
            await world.list_users(UserQuery(size=size, token=token))


async def test_a_new_password_replaces_the_old_one_and_ends_all_sessions(world: World, alice: str) -> None:
    await world.user("bob")
    mine = [await world.signed_in() for _ in range(2)]
    of_bob = await world.signed_in("bob")
    await world.set_password("ALICE", "another-password", operator="cli")

    assert [await world.live(one) for one in (*mine, of_bob)] == [False, False, True]
    with pytest.raises(AccessDenied):
        await world.signed_in()
    await world.signed_in(password="another-password")
    [changed] = await world.events("password.changed")
    assert (changed["subject"], changed["actortype"]) == (alice, "admin")
    ended = await world.events("session.ended")
    assert {event["reason"] for event in ended} == {"password_changed"}
    assert {event["data"]["session_id"] for event in ended} == {one.session.id for one in mine}
    await world.check_books()


async def test_disabled_user_cannot_sign_in_and_one_event_is_emitted(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    account = await world.disable_user("alice", operator="cli")
    again = await world.disable_user("Alice", operator="cli")

    assert account == again
    assert account.state is AccountState.DISABLED
    assert not await world.live(signed_in)
    with pytest.raises(AccessDenied):
        await world.signed_in()
    [disabled] = await world.events("account.disabled")
    assert disabled["subject"] == alice
    assert [event["reason"] for event in await world.events("session.ended")] == ["account_disabled"]
    await world.check_books()


async def test_a_disabled_user_stays_so_with_a_new_password(world: World, alice: str) -> None:
    await world.disable_user("alice", operator="cli")
    await world.set_password("alice", "another-password", operator="cli")
    with pytest.raises(AccessDenied):
        await world.signed_in(password="another-password")


@pytest.mark.parametrize("username", ["unknown", "", "\x00"])
async def test_operator_rpcs_report_an_unknown_user(world: World, alice: str, username: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.set_password(username, "another-password", operator="cli")
    assert refusal.value.reason == "USER_UNKNOWN"
    with pytest.raises(InvalidRequest) as refusal:
        await world.disable_user(username, operator="cli")
    assert refusal.value.reason == "USER_UNKNOWN"
    assert not await world.events("password.changed", "account.disabled")

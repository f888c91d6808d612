"""What operators do to accounts: find, enable, delete, end sessions, send a password reset."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert

from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.domain.accounts.account import AccountState
from services.authentication.domain.accounts.user_filter import UserOrder
from services.authentication.store.tables import METADATA, USERS
from services.authentication.usecases.accounts.list_users import UserQuery
from tests.storage.authentication.world import NOON, World
from tests.support.databases import statements


async def listed(world: World, **query: object) -> list[str]:
    page = await world.list_users(UserQuery(**query))  # type: ignore[arg-type]
    return sorted(account.username for account in page.accounts)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ali", ["alice", "bob"]),
        ("ALICE", ["alice", "bob"]),
        ("smi", ["alice"]),
        ("alice smi", ["alice"]),
        ("example.org", ["alice", "bob"]),
        ("alice.b", ["bob"]),
        ("öz", ["carla"]),
        ("ÖZIL", ["carla"]),
        ("mith", []),
        ("lice", []),
        ("%", []),
        ("_", []),
        ("alice unknown", []),
        ("  ", ["alice", "bob", "carla"]),
    ],
)
async def test_users_are_found_by_the_beginning_of_any_word(world: World, query: str, found: Sequence[str]) -> None:
    await world.user("alice", name="Alice Smith", email="asmith@example.org")
    await world.user("bob", name="Robert", email="alice.brown@example.org")
    await world.user("carla", name="Carla Özil")
    assert await listed(world, query=query) == list(found)


async def test_users_are_found_by_their_new_name_after_a_change(world: World, alice: str) -> None:
    await world.update_user("alice", {"name": "Zoe Young"}, operator="cli")
    assert await listed(world, query="young") == ["alice"]
    await world.update_user("alice", {"name": None}, operator="cli")
    assert await listed(world, query="young") == []


async def test_users_without_a_search_key_are_found_by_username_and_address(world: World) -> None:
    await world.user("alice", email="box@example.org")
    async with world.database.transaction() as session:
        await session.execute(USERS.update().values(search_key=None))
    assert await listed(world, query="ali") == ["alice"]
    assert await listed(world, query="box") == ["alice"]


async def test_users_are_filtered_by_address_and_state(world: World) -> None:
    await world.user("alice", email="A@Example.org")
    await world.user("bob", email="b@example.org")
    await world.disable_user("bob", operator="cli")
    assert await listed(world, email="a@example.ORG") == ["alice"]
    assert await listed(world, email="not an address") == []
    assert await listed(world, state=AccountState.DISABLED) == ["bob"]
    assert await listed(world, state=AccountState.ACTIVE) == ["alice"]
    assert await listed(world, state=AccountState.ACTIVE, email="b@example.org") == []


async def test_users_are_listed_by_username_page_by_page(world: World) -> None:
    for name in ("dora", "Bob", "alice", "carla"):
        await world.user(name)
    first = await world.list_users(UserQuery(size=3, order=UserOrder.USERNAME))
    await world.user("aaron")
    second = await world.list_users(UserQuery(size=3, order=UserOrder.USERNAME, token=first.next_token))
    assert [each.username for page in (first, second) for each in page.accounts] == ["alice", "Bob", "carla", "dora"]
    assert second.next_token == ""
    for token in (first.accounts[0].id, "\x00", "AA=="):
        with pytest.raises(InvalidRequest) as refusal:
            await world.list_users(UserQuery(order=UserOrder.USERNAME, token=token))
        assert refusal.value.reason == "PAGE_TOKEN_MALFORMED"


async def test_many_users_are_read_with_one_statement_a_page(world: World) -> None:
    rows = [
        {
            "id": str(uuid4()),
            "username": f"user-{number}",
            "username_key": f"user-{number}",
            "password_hash": "",
            "password_version": 1,
            "state": "active",
            "claims": {},
            "attributes": {},
            "search_key": f" user-{number} user {number}",
            "created_at": NOON,
            "profile_updated_at": NOON,
        }
        for number in range(3_000)
    ]
    async with world.database.transaction() as session:
        for start in range(0, len(rows), 500):
            await session.execute(insert(USERS).values(rows[start : start + 500]))
    found, token, pages = set[str](), "", 0
    with statements(world.database) as sent:
        while pages == 0 or token:
            page = await world.list_users(UserQuery(size=500, token=token, query="user"))
            found |= {account.id for account in page.accounts}
            token, pages = page.next_token, pages + 1
    assert found == {row["id"] for row in rows}
    assert (pages, len(sent)) == (6, 6)


async def test_who_is_a_username_a_verified_address_or_an_id(world: World) -> None:
    account = await world.user("alice", email="Box@example.org", email_verified=True)
    for who in ("ALICE", "box@EXAMPLE.org", account.id):
        assert (await world.find_user(who)).id == account.id
        assert (await world.update_user(who, {"nickname": who}, operator="cli")).id == account.id
        await world.disable_user(who, operator="cli")
        assert (await world.use_cases.enable_user(who, operator="cli")).active
        await world.set_password(who, "another-password", operator="cli")
        assert await world.reset_factors(who, operator="cli") == 0


async def test_an_unverified_address_names_no_user(world: World) -> None:
    await world.user("alice", email="box@example.org")
    for who in ("box@example.org", str(uuid4()), "", "\x00"):
        with pytest.raises(InvalidRequest) as refusal:
            await world.use_cases.delete_user(who, operator="cli")
        assert refusal.value.reason == "USER_UNKNOWN"


async def test_a_username_that_is_the_verified_address_of_another_user_is_ambiguous(world: World) -> None:
    await world.user("alice", email="box@example.org", email_verified=True)
    await world.user("box@example.org")
    with pytest.raises(InvalidRequest) as refusal:
        await world.use_cases.delete_user("box@example.org", operator="cli")
    assert refusal.value.reason == "USER_AMBIGUOUS"
    assert {row.state for row in await world.users()} == {"active"}


async def test_enabled_user_can_sign_in_and_former_sessions_stay_ended(world: World, alice: str) -> None:
    before = await world.signed_in()
    await world.disable_user("alice", operator="cli")
    enabled = await world.use_cases.enable_user("alice", operator="cli")
    again = await world.use_cases.enable_user("alice", operator="cli")

    assert enabled == again
    assert enabled.state is AccountState.ACTIVE
    assert not await world.live(before)
    account = await world.get_account(alice, session_id=before.session.id, claims=())
    assert account is not None
    assert account.state is AccountState.ACTIVE
    assert not account.session_live
    assert account.grants_not_before == NOON
    assert await world.live(await world.signed_in())
    [event] = await world.events("account.enabled")
    assert (event["subject"], event["actortype"], event["actorid"]) == (alice, "admin", "cli")


@pytest.mark.parametrize("disabled", [False, True])
async def test_deleted_user_leaves_an_id_and_nothing_else(world: World, alice: str, disabled: bool) -> None:  # noqa: FBT001
    signed_in = await world.signed_in()
    await world.with_app(signed_in)
    await world.update_user("alice", {"name": "Alice Smith", "email": "alice@example.org"}, operator="cli")
    await world.use_cases.send_password_reset("alice", locale="")
    await world.mails()
    if disabled:
        await world.disable_user("alice", operator="cli")
    assert await world.use_cases.delete_user("alice", operator="cli") == alice

    for table in METADATA.sorted_tables:
        if "user_id" in table.c:
            assert not await world.raw(f"SELECT * FROM {table.name}"), table.name
    [row] = await world.users()
    assert (row.id, row.username, row.claims, row.email_key, row.search_key) == (alice, "", {}, None, None)
    assert await listed(world) == []
    [event] = await world.events("account.deleted")
    assert (event["subject"], event["actortype"]) == (alice, "admin")
    with pytest.raises(InvalidRequest):
        await world.use_cases.delete_user(alice, operator="cli")
    with pytest.raises(InvalidRequest):
        await world.use_cases.enable_user(alice, operator="cli")
    assert (await world.user("alice")).id != alice


async def test_operator_lists_live_sessions_and_ends_some_or_all(world: World, alice: str) -> None:
    await world.user("bob")
    first, second, third = [await world.signed_in() for _ in range(3)]
    of_bob = await world.signed_in("bob")
    found = await world.use_cases.list_user_sessions("alice")
    assert found.user_id == alice
    assert {each.session.id for each in found.sessions} == {one.session.id for one in (first, second, third)}

    ended = await world.use_cases.end_user_sessions(
        "alice", [first.session.id, of_bob.session.id, "unknown"], operator="cli"
    )
    assert ended.session_ids == [first.session.id]
    assert await world.live(of_bob)
    await world.use_cases.end_user_sessions("alice", (), operator="cli")
    assert not (await world.use_cases.list_user_sessions("alice")).sessions
    events = await world.events("session.ended")
    assert {(event["reason"], event["actortype"]) for event in events} == {("revoked_by_operator", "admin")}
    await world.check_books()


async def test_idle_session_is_not_listed(world: World, alice: str) -> None:
    await world.signed_in()
    world.clock.move(timedelta(hours=9))
    assert not (await world.use_cases.list_user_sessions("alice")).sessions


async def test_operator_sends_a_password_reset_and_the_password_stays(world: World) -> None:
    await world.user("alice", email="alice@example.org")
    await world.use_cases.send_password_reset("alice", locale="de")
    [mail] = await world.mails()
    assert (mail.address, mail.locale) == ("alice@example.org", "de")
    assert "/reset?token=" in mail.text
    assert len(await world.events("password.reset_requested")) == 1
    await world.signed_in()


async def test_password_reset_is_refused_without_address_or_for_a_disabled_user(world: World, alice: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.use_cases.send_password_reset("alice", locale="")
    assert refusal.value.reason == "ADDRESS_MALFORMED"
    await world.disable_user("alice", operator="cli")
    with pytest.raises(InvalidRequest) as refusal:
        await world.use_cases.send_password_reset("alice", locale="")
    assert refusal.value.reason == "ACCOUNT_DISABLED"
    with pytest.raises(AccessDenied):
        await world.signed_in()


async def test_operator_states_that_an_address_is_verified_and_an_event_says_so(world: World) -> None:
    account = await world.user("alice", email="alice@example.org")
    updated = await world.update_user("alice", {"email_verified": True}, operator="cli")
    await world.update_user("alice", {"email_verified": True}, operator="cli")
    assert updated.profile.email_verified
    [verified] = await world.events("account.email_verified")
    assert (verified["subject"], verified["actortype"], verified["actorid"]) == (account.id, "admin", "cli")
    [changed] = await world.events("account.updated")
    assert changed["data"]["claims"] == ["email_verified"]
    await world.update_user("alice", {"email_verified": False}, operator="cli")
    assert len(await world.events("account.email_verified")) == 1

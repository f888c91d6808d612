"""Profile, data export and deletion of a user's account, on both databases."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.domain.accounts.claim_policy import RefusedClaim
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import RECENT_SIGN_IN
from services.authentication.store.accounts.exports import EXPORTED, NOT_EXPORTED
from services.authentication.store.tables import METADATA, USERS
from services.authentication.usecases.sessions.start_session import SignedIn
from services.authentication.usecases.sign_in.sign_in import Attempt
from tests.storage.authentication.world import ORIGIN, PASSWORD, App, World

CLAIMS: dict[str, Any] = {"name": "Alice Ansel", "email": "alice@example.com", "email_verified": True, "locale": "de"}


async def rows(world: World, table: Any) -> list[Any]:
    async with world.database.snapshot() as session:
        return list((await session.execute(select(table))).all())


def session_of(app: App) -> SignedIn:
    assert app.session is not None
    return app.session


async def test_profile_change_emits_an_event_without_values(world: World) -> None:
    alice = await world.user(**CLAIMS)
    there = await world.signed_in()
    await world.update_profile(
        there.session_secret, {"name": "Alice B.", "locale": None, "website": "https://a.example"}
    )
    claims = (await world.get_profile(there.session_secret)).claims()
    assert (claims["name"], claims["website"], claims["email_verified"]) == ("Alice B.", "https://a.example", True)
    assert "locale" not in claims
    [emitted] = await world.events("account.updated")
    assert (emitted["subject"], emitted["data"]["claims"]) == (alice.id, ["name", "website", "locale"])
    assert "Alice B." not in json.dumps(emitted)
    await world.update_profile(there.session_secret, {"name": "Alice B."})
    assert len(await world.events("account.updated")) == 1


@pytest.mark.s(52)
async def test_mass_assignment_writes_nothing_at_all(world: World) -> None:
    await world.user(**{**CLAIMS, "email_verified": False})
    there = await world.signed_in()
    with pytest.raises(InvalidRequest) as refusal:
        await world.update_profile(there.session_secret, {"name": "Mallory", "email_verified": True})
    assert refusal.value.reason == "CLAIM_READ_ONLY"
    claims = (await world.get_profile(there.session_secret)).claims()
    assert (claims["name"], claims["email_verified"]) == ("Alice Ansel", False)
    assert await world.events("account.updated") == []


async def test_an_operator_changes_claims_and_a_new_address_is_not_verified(world: World) -> None:
    await world.user(**CLAIMS)
    account = await world.update_user("ALICE", {"email": "new@example.com"}, operator="cli")
    assert (account.profile.email, account.profile.email_verified) == ("new@example.com", False)
    [emitted] = await world.events("account.updated")
    assert emitted["actortype"] == "admin"
    assert (await world.find_user("alice")).profile.email == "new@example.com"
    await world.disable_user("alice", operator="cli")
    assert (await world.update_user("alice", {"name": "A."}, operator="cli")).profile.name == "A."
    for name in ("unknown", ""):
        with pytest.raises(InvalidRequest) as refusal:
            await world.update_user(name, {"name": "x"}, operator="cli")
        assert refusal.value.reason == "USER_UNKNOWN"


async def test_two_changes_at_once_lose_none(world: World) -> None:
    await world.user(**CLAIMS)
    there = await world.signed_in()
    await asyncio.gather(
        *(world.update_profile(there.session_secret, {name: "x"}) for name in ("given_name", "family_name", "nickname"))
    )
    claims = (await world.get_profile(there.session_secret)).claims()
    assert [claims.get(name) for name in ("given_name", "family_name", "nickname")] == ["x", "x", "x"]


async def test_what_is_taken_along_is_everything_and_no_secret(world: World) -> None:
    alice = await world.user(**CLAIMS)
    await world.user("bob", name="Bob")
    await world.signed_in("bob")
    there = session_of(await world.with_app(await world.signed_in()))
    codes = await world.create_recovery_codes(there.session_secret)
    data: dict[str, Any] = await world.export_account(there.session_secret)
    assert data["sub"] == alice.id
    assert data["claims"]["email"] == "alice@example.com"
    assert {name for name, value in data.items() if isinstance(value, list)} == {table.name for table in EXPORTED}
    assert len(data["factors"]) == 1
    assert len(data["recovery_codes"]) == len(codes)
    assert {row["kind"] for row in data["letters"]} == {"factor-added"}
    text = json.dumps(data)
    for secret in (there.session_secret, *codes, "argon2", "Bob"):
        assert secret not in text


def test_every_table_with_a_user_id_is_exported_or_says_why_not():
    with_users = {table.name for table in METADATA.tables.values() if "user_id" in table.c}
    assert with_users == {table.name for table in EXPORTED} | set(NOT_EXPORTED)
    for table, names in EXPORTED.items():
        assert not [name for name in names if "hash" in name or "secret" in name], table.name


async def test_an_account_ends_with_all_that_is_known_of_it(world: World) -> None:
    alice = await world.user(**CLAIMS)
    bob = await world.user("bob", email="bob@example.com")
    elsewhere = await world.signed_in()
    there = session_of(await world.with_app(elsewhere))
    await world.create_recovery_codes(there.session_secret)
    await world.request_reset("bob", locale="", origin=ORIGIN)
    await world.delete_account(there.session_secret, "ALICE")

    assert not await world.live(there)
    for table in METADATA.tables.values():
        if "user_id" in table.c:
            assert [row for row in await rows(world, table) if row.user_id == alice.id] == [], table.name
    [left] = [row for row in await rows(world, USERS) if row.id == alice.id]
    assert (left.state, left.username, left.claims, left.email_key, left.password_hash) == ("deleted", "", {}, None, "")
    assert "lice" not in json.dumps([left.username_key, left.claims])
    [emitted] = await world.events("account.deleted")
    assert (emitted["subject"], emitted["actortype"]) == (alice.id, "user")
    assert {event["data"]["reason"] for event in await world.events("session.ended")} == {"REASON_ACCOUNT_DELETED"}
    [farewell] = [mail for mail in await world.mails() if mail.address == "alice@example.com" and "lösch" in mail.text]
    assert "alice" in farewell.text
    assert (await world.find_user("bob")).id == bob.id


@pytest.mark.s(54)
async def test_user_id_is_not_reused_after_deletion(world: World) -> None:
    alice = await world.user()
    await world.delete_account((await world.signed_in()).session_secret, "alice")
    again = await world.user()
    assert again.id != alice.id
    answer = await world.get_account(alice.id, session_id="", claims=["name"])
    assert answer is not None
    assert (answer.state, answer.claims) == ("deleted", {})
    with pytest.raises(InvalidRequest):
        await world.find_user(f"deleted {alice.id}")


@pytest.mark.s(49)
async def test_an_open_browser_ends_no_account_and_takes_no_data(world: World) -> None:
    await world.user()
    there = await world.signed_in()
    world.clock.move(RECENT_SIGN_IN + timedelta(minutes=1))
    for refused in (world.delete_account(there.session_secret, "alice"), world.export_account(there.session_secret)):
        with pytest.raises(AccessDenied) as refusal:
            await refused
        assert refusal.value.reason == "REAUTHENTICATION_REQUIRED"
    assert await world.live(there)


async def test_another_name_ends_no_account(world: World) -> None:
    await world.user()
    await world.user("bob")
    there = await world.signed_in()
    for typed in ("bob", "", "alic", "alice@example.com"):
        with pytest.raises(InvalidRequest) as refusal:
            await world.delete_account(there.session_secret, typed)
        assert refusal.value.reason == "USERNAME_MISMATCH"
    with pytest.raises(AccessDenied):
        await world.delete_account("unknown-secret", "alice")
    assert await world.live(there)


async def test_concurrent_deletions_emit_one_event(world: World) -> None:
    await world.user()
    first, second = await world.signed_in(), await world.signed_in()
    await asyncio.gather(
        *(world.delete_account(each.session_secret, "alice") for each in (first, second)), return_exceptions=True
    )
    assert len(await world.events("account.deleted")) == 1


async def test_attribute_is_written_only_by_its_configured_writer(world: World) -> None:
    alice = await world.user(name="Alice")
    there = await world.signed_in()
    await world.update_profile(there.session_secret, {"shoe_size": 42.0, "nickname": "Al"})
    with pytest.raises(InvalidRequest) as refusal:
        await world.update_profile(there.session_secret, {"department": "Board"})
    assert refusal.value.reason == "CLAIM_READ_ONLY"
    with pytest.raises(RefusedClaim) as refused:
        await world.update_profile(there.session_secret, {"shoe_size": "large", "nickname": "Big"})
    assert refused.value.claim == "shoe_size"
    await world.update_user("alice", {"department": "Sales", "shoe_size": None}, operator="cli")
    account = await world.find_user("alice")
    assert (account.stored_claims(), account.profile.nickname) == (
        {"department": "Sales", "name": "Alice", "nickname": "Al"},
        "Al",
    )
    answer = await world.get_account(alice.id, session_id="", claims=["department", "name"])
    assert answer is not None
    assert answer.claims == {"department": "Sales", "name": "Alice"}
    emitted = [event["data"]["claims"] for event in await world.events("account.updated")]
    assert emitted == [["nickname", "shoe_size"], ["department", "shoe_size"]]
    assert (await world.export_account(there.session_secret))["claims"]["department"] == "Sales"  # type: ignore[index]


async def test_a_session_says_what_it_is_on(world: World) -> None:
    await world.user()
    origin = Origin.of(remote_address="192.0.2.7", client_id="", correlation_id="", device="Firefox/Linux")
    first = await world.sign_in(Attempt("alice", PASSWORD, "", origin))
    assert isinstance(first, SignedIn)
    own = await world.list_sessions(first.session_secret)
    assert [each.device for each in own.sessions] == ["Firefox/Linux"]
    hostile = Origin.of(remote_address="", client_id="", correlation_id="", device="<b>/x" + "y" * 90)
    assert hostile.device == ""

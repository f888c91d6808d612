"""Claims for a living access token of a living grant (OpenID Connect Core 5.3)."""

from dataclasses import replace
from typing import Any

import pytest

from libs.crypto.jwt import SigningKey
from libs.oauth.errors import InsufficientScope, InvalidToken, OAuthError, TemporarilyUnavailable
from tests.storage.token.world import FakeAccount, Registered, World
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, BOB, MINUTE, SECOND, read_token, signed_by, signing_key

CLAIMS = {
    "sub": "other-user",
    "name": "Alice",
    "nickname": "Ali",
    "email": "alice@example.com",
    "email_verified": True,
    "address": {"country": "GB"},
    "phone_number": "+44 1",
    "updated_at": 1_700_000_000,
}


@pytest.fixture
async def client(world: World) -> Registered:
    world.users.users[ALICE] = FakeAccount(claims=CLAIMS)
    return await world.client(scope="openid profile email address phone offline_access notes")


async def _access_token(world: World, client: Registered, scope: str = "openid") -> str:
    return str((await world.tokens(client, scope=scope))["access_token"])


async def _refusal(world: World, token: str) -> str:
    with pytest.raises(InvalidToken) as refusal:
        await world.get_userinfo(token)
    if refusal.value.reason != "AUDIENCE_MISMATCH":
        assert refusal.value.description == InvalidToken.default_description
    return refusal.value.reason


@pytest.mark.s(36)
@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("openid", set()),
        ("openid notes", set()),
        ("openid profile", {"name", "nickname", "updated_at"}),
        ("openid email", {"email", "email_verified"}),
        ("openid address", {"address"}),
        ("openid phone", {"phone_number"}),
        ("openid profile email", {"name", "nickname", "updated_at", "email", "email_verified"}),
    ],
)
async def test_claims_follow_the_scope(world: World, client: Registered, scope: str, names: set[str]) -> None:
    claims = await world.get_userinfo(await _access_token(world, client, scope))
    assert claims == {"sub": ALICE} | {name: CLAIMS[name] for name in names}


@pytest.mark.s(36)
async def test_only_what_is_needed_is_asked_of_the_authentication_service(world: World, client: Registered) -> None:
    token = await _access_token(world, client, "openid email")
    world.users.asked.clear()
    await world.get_userinfo(token)
    assert world.users.asked == [(ALICE, "s-1", ("email", "email_verified"))]


class Confused:
    """An Accounts port that returns the account of another user."""

    async def find(self, **_about: object) -> FakeAccount:
        return FakeAccount(claims={"sub": BOB, "name": "Bob"})


async def test_an_attribute_is_released_by_its_scope_and_no_other(world: World, client: Registered) -> None:
    world.users.users[ALICE] = FakeAccount(claims={**CLAIMS, "department": "Sales", "secret_note": "x"})
    claims = await world.get_userinfo(await _access_token(world, client, "openid profile email phone address"))
    assert "department" not in claims
    client = await world.client(scope="openid employee")
    assert await world.get_userinfo(await _access_token(world, client, "openid employee")) == {
        "sub": ALICE,
        "department": "Sales",
    }


@pytest.mark.s(52)
async def test_sub_is_the_grants_whatever_the_claims_say(world: World, client: Registered) -> None:
    token = await _access_token(world, client)
    world.userinfo = replace(world.userinfo, accounts=Confused())
    assert (await world.get_userinfo(token))["sub"] == ALICE


@pytest.mark.s(24)
async def test_a_narrowed_token_gets_narrowed_claims(world: World, client: Registered) -> None:
    tokens = await world.tokens(client, scope="openid profile email")
    narrow = await world.refresh(client, tokens["refresh_token"], scope="openid email")
    assert (await world.get_userinfo(narrow["access_token"])).keys() == {"sub", "email", "email_verified"}


async def test_a_token_that_has_expired_is_refused(world: World, client: Registered) -> None:
    token = await _access_token(world, client)
    world.clock.move(10 * MINUTE - SECOND)
    await world.get_userinfo(token)
    world.clock.move(SECOND)
    assert await _refusal(world, token) == "EXPIRED"


async def test_a_revoked_and_a_deleted_grant_are_refused(world: World, client: Registered) -> None:
    token, other = await _access_token(world, client), await _access_token(world, client)
    grant_id = str(read_token(token, "ES256").claims["grant_id"])
    async with world.work() as work:
        await work.grants.revoke(grant_id, reason="code_replayed", now=world.clock.now())
    assert await _refusal(world, token) == "GRANT_REVOKED"
    await world.get_userinfo(other)
    await world.purge_everything()
    assert await _refusal(world, other) == "GRANT_REVOKED"


async def test_a_deleted_client_has_no_tokens(world: World, client: Registered) -> None:
    token = await _access_token(world, client)
    await world.delete_client(client.client_id)
    assert await _refusal(world, token) == "GRANT_REVOKED"


@pytest.mark.s(36)
@pytest.mark.parametrize(
    ("scope", "account", "reason"),
    [
        ("openid", FakeAccount(active=False), "ACCOUNT_DISABLED"),
        ("openid offline_access", FakeAccount(active=False), "ACCOUNT_DISABLED"),
        ("openid", None, "ACCOUNT_DISABLED"),
        ("openid", FakeAccount(session_live=False), "SESSION_ENDED"),
    ],
)
async def test_userinfo_is_refused_for_disabled_account_or_ended_session(
    world: World, client: Registered, scope: str, account: FakeAccount | None, reason: str
) -> None:
    token = await _access_token(world, client, scope)
    world.users.users.pop(ALICE)
    if account is not None:
        world.users.users[ALICE] = account
    assert await _refusal(world, token) == reason


async def test_an_offline_token_is_good_after_the_session(world: World, client: Registered) -> None:
    token = await _access_token(world, client, "openid offline_access")
    world.users.users[ALICE] = FakeAccount(session_live=False)
    assert await world.get_userinfo(token) == {"sub": ALICE}


@pytest.mark.s(28)
async def test_an_id_token_is_no_access_token(world: World, client: Registered) -> None:
    tokens = await world.tokens(client)
    assert await _refusal(world, tokens["id_token"]) == "ANOTHER_KIND"


@pytest.mark.s(28)
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("another audience", "AUDIENCE_MISMATCH"),
        ("another issuer", "ISSUER_MISMATCH"),
        ("another key under our kid", "SIGNATURE_INVALID"),
        ("another key", "KEY_UNKNOWN"),
        ("typ JWT", "ANOTHER_KIND"),
        ("no token", "NOT_A_JWS"),
        ("refresh token", "NOT_A_JWS"),
    ],
)
async def test_a_forged_token_is_refused(world: World, client: Registered, how: str, reason: str) -> None:
    tokens = await world.tokens(client)
    claims = dict(read_token(tokens["access_token"], "ES256").claims)
    ours, theirs = signing_key("ES256"), SigningKey.generate("ES256")
    forged: dict[str, Any] = {
        "another audience": signed_by(ours, {**claims, "aud": client.client_id}, typ="at+jwt"),
        "another issuer": signed_by(ours, {**claims, "iss": "https://other.example"}, typ="at+jwt"),
        "another key under our kid": signed_by(theirs, claims, typ="at+jwt", kid=ours.kid),
        "another key": signed_by(theirs, claims, typ="at+jwt"),
        "typ JWT": signed_by(ours, claims, typ="JWT"),
        "no token": "nonsense",
        "refresh token": tokens["refresh_token"],
    }
    assert await _refusal(world, forged[how]) == reason


@pytest.mark.s(71)
async def test_userinfo_refuses_client_credentials_token(world: World, client: Registered) -> None:
    machine = await world.machine()
    token = (await world.token(machine, grant_type="client_credentials"))["access_token"]
    with pytest.raises(InsufficientScope):
        await world.get_userinfo(token)
    assert world.users.asked == []


@pytest.mark.s(28)
async def test_userinfo_refuses_token_without_grant(world: World, client: Registered) -> None:
    """Whatever its scope says: no sign-in stands behind it."""
    claims = dict(read_token(await _access_token(world, client), "ES256").claims)
    del claims["grant_id"]
    with pytest.raises(InsufficientScope):
        await world.get_userinfo(signed_by(signing_key("ES256"), claims, typ="at+jwt"))


async def test_a_token_without_openid_is_not_enough(world: World, client: Registered) -> None:
    token = await _access_token(world, client, "notes email")
    with pytest.raises(InsufficientScope) as refusal:
        await world.get_userinfo(token)
    assert refusal.value.reason == "SCOPE_OPENID_MISSING"


@pytest.mark.s(66)
async def test_userinfo_is_unavailable_and_token_stays_valid_when_accounts_are_unreachable(
    world: World, client: Registered
) -> None:
    token = await _access_token(world, client)
    world.users.away = True
    with pytest.raises(TemporarilyUnavailable):
        await world.get_userinfo(token)
    world.users.away = False
    world.keys.unseen = True
    with pytest.raises(OAuthError) as refusal:
        await world.get_userinfo(token)
    assert refusal.value.error == "temporarily_unavailable"


async def test_it_costs_one_read_and_one_call(world: World, client: Registered) -> None:
    token = await _access_token(world, client)
    world.users.asked.clear()
    with statements(world.database) as sent:
        await world.get_userinfo(token)
    assert [statement.split()[0] for statement in sent] == ["SELECT"]
    assert len(world.users.asked) == 1

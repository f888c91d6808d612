"""Refresh tokens: the tokens that a refresh returns, and the clients that may use it (RFC 6749 6)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import InvalidGrant, InvalidScope, InvalidToken, OAuthError, TemporarilyUnavailable
from tests.storage.token.world import LIFETIMES, FakeAccount, Registered, World
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, SECOND, names_no_more_than_permitted, read_token

GRACE = LIFETIMES.refresh_grace
DAY = timedelta(days=1)


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client()


async def _refusal(world: World, client: Registered, token: str, **changes: Any) -> str:
    with pytest.raises(InvalidGrant) as refusal:
        await world.refresh(client, token, **changes)
    assert names_no_more_than_permitted(refusal.value)
    return refusal.value.reason


async def _first(world: World, client: Registered, **changes: Any) -> str:
    """The refresh token of a new sign-in."""
    return str((await world.tokens(client, **changes))["refresh_token"])


async def test_a_request_without_a_token_says_so(world: World, client: Registered) -> None:
    with pytest.raises(OAuthError) as refusal:
        await world.token(client, grant_type="refresh_token")
    assert (refusal.value.error, refusal.value.reason) == ("invalid_request", "REFRESH_TOKEN_MISSING")


@pytest.mark.s(21)
async def test_an_unused_token_expires_after_two_weeks(world: World, client: Registered) -> None:
    token = await _first(world, client)
    world.clock.move(LIFETIMES.refresh_idle - SECOND)
    token = (await world.refresh(client, token))["refresh_token"]
    world.clock.move(LIFETIMES.refresh_idle)
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_EXPIRED"


@pytest.mark.s(21)
async def test_a_family_ends_after_ninety_days_however_often_it_is_used(world: World, client: Registered) -> None:
    token = await _first(world, client)
    for _ in range(8):
        world.clock.move(11 * DAY)
        token = (await world.refresh(client, token))["refresh_token"]
    world.clock.move(2 * DAY)
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_EXPIRED"


@pytest.mark.s(24)
async def test_a_scope_is_narrowed_for_one_access_token_only(world: World, client: Registered) -> None:
    token = await _first(world, client, scope="openid notes email")
    narrow = await world.refresh(client, token, scope="notes")
    assert narrow["scope"] == read_token(narrow["access_token"], "ES256").claims["scope"] == "notes"
    assert "id_token" not in narrow
    whole = await world.refresh(client, narrow["refresh_token"])
    assert whole["scope"] == "openid notes email"
    assert "id_token" in whole


@pytest.mark.s(24)
@pytest.mark.parametrize("scope", ["openid notes profile", "profile", "admin", "openid  notes"])
async def test_wider_scope_is_refused_without_rotating_the_refresh_token(
    world: World, client: Registered, scope: str
) -> None:
    token = await _first(world, client)
    with pytest.raises(InvalidScope):
        await world.refresh(client, token, scope=scope)
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1
    assert "access_token" in await world.refresh(client, token)


@pytest.mark.s(24, 36)
async def test_what_a_client_may_no_longer_ask_for_it_no_longer_gets(world: World, client: Registered) -> None:
    token = await _first(world, client, scope="openid notes email")
    await world.update_client(client.client_id, {"scope": "openid email"})
    tokens = await world.refresh(client, token)
    assert tokens["scope"] == "openid email"
    with pytest.raises(InvalidScope):
        await world.refresh(client, tokens["refresh_token"], scope="notes")
    await world.update_client(client.client_id, {"scope": "printers"})
    with pytest.raises(InvalidScope):
        await world.refresh(client, tokens["refresh_token"])


@pytest.mark.s(36)
async def test_a_client_that_may_no_longer_refresh_does_not(world: World, client: Registered) -> None:
    token = await _first(world, client)
    await world.update_client(client.client_id, {"grant_types": ["authorization_code"]})
    with pytest.raises(OAuthError) as refusal:
        await world.refresh(client, token)
    assert refusal.value.error == "unauthorized_client"


@pytest.mark.s(24, 36)
@pytest.mark.parametrize(
    ("scope", "account", "reason"),
    [
        ("openid", FakeAccount(active=False), "ACCOUNT_DISABLED"),
        ("openid offline_access", FakeAccount(active=False), "ACCOUNT_DISABLED"),
        ("openid", None, "ACCOUNT_DISABLED"),
        ("openid", FakeAccount(session_live=False), "SESSION_ENDED"),
    ],
)
async def test_refresh_is_refused_for_disabled_account_or_ended_session(
    world: World, client: Registered, scope: str, account: FakeAccount | None, reason: str
) -> None:
    token = await _first(world, client, scope=scope)
    world.users.users.pop(ALICE)
    if account is not None:
        world.users.users[ALICE] = account
    assert await _refusal(world, client, token) == reason
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1


@pytest.mark.s(36)
@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
async def test_grant_from_before_a_password_change_is_refused_without_any_event(
    world: World, client: Registered, scope: str
) -> None:
    token = await _first(world, client, scope=scope)
    access_token = (await world.tokens(client, scope=scope))["access_token"]
    world.clock.move(SECOND)
    world.users.users[ALICE] = FakeAccount(grants_not_before=world.clock.now())
    assert await _refusal(world, client, token) == "GRANT_REVOKED"
    with pytest.raises(InvalidToken) as refusal:
        await world.get_userinfo(access_token)
    assert refusal.value.reason == "GRANT_REVOKED"
    later = await world.tokens(client, scope=scope)
    await world.refresh(client, later["refresh_token"])
    await world.get_userinfo(later["access_token"])


@pytest.mark.s(36)
async def test_code_from_before_a_password_change_is_refused_without_any_event(
    world: World, client: Registered
) -> None:
    code = await world.code(client)
    world.clock.move(SECOND)
    world.users.users[ALICE] = FakeAccount(grants_not_before=world.clock.now())
    with pytest.raises(InvalidGrant) as refusal:
        await world.exchange(client, code)
    assert refusal.value.reason == "GRANT_REVOKED"


async def test_an_offline_grant_goes_on_after_the_session(world: World, client: Registered) -> None:
    token = await _first(world, client, scope="openid offline_access")
    world.users.users[ALICE] = FakeAccount(session_live=False)
    tokens = await world.refresh(client, token)
    assert "id_token" in tokens
    await world.get_userinfo(tokens["access_token"])


Meanwhile = Callable[[World, Registered, str], Awaitable[object]]


async def _revoke(world: World, _client: Registered, _token: str) -> None:
    [grant] = await world.rows("grants")
    async with world.work() as work:
        await work.grants.revoke(grant["grant_id"], reason="code_replayed", now=world.clock.now())


async def _delete(world: World, client: Registered, _token: str) -> None:
    await world.delete_client(client.client_id)


@pytest.mark.s(22, 24)
@pytest.mark.parametrize("meanwhile", [_revoke, _delete])
@pytest.mark.parametrize("used", [0, 1], ids=["latest", "predecessor"])
async def test_what_is_revoked_in_the_middle_of_a_refresh_stays_revoked(
    world: World, client: Registered, meanwhile: Meanwhile, used: int
) -> None:
    token = await _first(world, client)
    for _ in range(used):
        await world.refresh(client, token)
    world.users.meanwhile = lambda: meanwhile(world, client, token)
    assert await _refusal(world, client, token) == "GRANT_REVOKED"
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1 + used


async def test_a_family_that_was_purged_in_the_middle_is_unknown(world: World, client: Registered) -> None:
    token = await _first(world, client)
    world.users.meanwhile = world.purge_everything
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_UNKNOWN"
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_UNKNOWN"


@pytest.mark.s(66)
async def test_refresh_token_is_not_consumed_without_signing_key(world: World, client: Registered) -> None:
    token = await _first(world, client)
    world.keys.missing = {"ES256"}
    with pytest.raises(TemporarilyUnavailable):
        await world.refresh(client, token)
    world.keys.missing = set()
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1
    assert "access_token" in await world.refresh(client, token)


@pytest.mark.s(21)
async def test_a_public_client_refreshes_without_a_secret_and_is_rotated_all_the_same(world: World) -> None:
    app = await world.client(token_endpoint_auth_method="none")
    first = await world.tokens(app)
    second = await world.refresh(app, first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    await world.refresh(app, second["refresh_token"])
    assert await _refusal(world, app, first["refresh_token"]) == "REFRESH_TOKEN_REUSED"


async def test_it_costs_one_read_and_one_transaction(world: World, client: Registered) -> None:
    token = await _first(world, client)
    with statements(world.database) as sent:
        again = await world.refresh(client, token)
    assert sent[0].startswith("SELECT")
    # The read; rotated, and two of the outbox.
    assert len(sent) == 4
    with statements(world.database) as sent:
        await world.refresh(client, token)
    assert len(sent) == 4
    assert "access_token" in await world.refresh(client, again["refresh_token"])

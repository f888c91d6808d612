"""A code is redeemed at most once, also by concurrent requests (RFC 6749 4.1.2, 4.1.3)."""

from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import InvalidGrant, InvalidToken, OAuthError, TemporarilyUnavailable
from tests.storage.token.world import FakeAccount, Registered, World, at_once
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, MINUTE, SECOND, VERIFIER, a_session, names_no_more_than_permitted

NO_CHALLENGE: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client()


async def _refusal(world: World, client: Registered, code: str, **changes: Any) -> str:
    with pytest.raises(InvalidGrant) as refusal:
        await world.exchange(client, code, **changes)
    assert names_no_more_than_permitted(refusal.value)
    return refusal.value.reason


async def _is_dead(world: World, client: Registered, tokens: dict[str, Any]) -> bool:
    """Neither of the tokens is good for anything any more."""
    with pytest.raises(InvalidToken) as at_userinfo:
        await world.get_userinfo(tokens["access_token"])
    with pytest.raises(InvalidGrant) as at_refresh:
        await world.refresh(client, tokens["refresh_token"])
    return at_userinfo.value.reason == at_refresh.value.reason == "GRANT_REVOKED"


async def test_code_exchange_returns_tokens_and_emits_events(world: World, client: Registered) -> None:
    tokens = await world.tokens(client, scope="openid notes offline_access")
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    assert tokens["scope"] == "openid notes offline_access"
    assert await world.event_types() == ["client.created", "code.redeemed", "token.issued"]
    redeemed, issued = (await world.events())[1:]
    [grant] = await world.rows("grants")
    assert redeemed["data"] == {
        "user_id": ALICE,
        "client_id": client.client_id,
        "grant_id": grant["grant_id"],
        "session_id": "s-1",
    }
    assert issued["data"].keys() == {"user_id", "client_id", "grant_type", "scopes", "token_id", "grant_id"}
    assert issued["data"]["grant_type"] == "authorization_code"
    assert issued["data"]["scopes"] == ["openid", "notes", "offline_access"]
    assert {redeemed["actorid"], issued["actorid"]} == {client.client_id}
    assert redeemed["correlationid"] == issued["correlationid"]


@pytest.mark.s(13, 60)
async def test_tokens_are_neither_stored_nor_in_events(world: World, client: Registered) -> None:
    code = await world.code(client)
    tokens = await world.exchange(client, code)
    kept = await world.all_kept()
    for secret in (code, tokens["access_token"], tokens["refresh_token"], tokens["id_token"], VERIFIER, client.secret):
        assert secret not in kept


async def test_a_client_that_did_not_ask_for_refresh_tokens_gets_none(world: World) -> None:
    client = await world.client(grant_types=["authorization_code"])
    assert "refresh_token" not in await world.tokens(client)
    assert await world.rows("refresh_families") == []


async def test_without_openid_there_is_no_id_token(world: World, client: Registered) -> None:
    assert "id_token" not in await world.tokens(client, scope="notes")


@pytest.mark.s(13, 14)
async def test_of_eight_redeemers_at_once_one_wins_and_then_loses_it_all(world: World, client: Registered) -> None:
    code = await world.code(client)
    answers, refusals = await at_once(*(world.exchange(client, code) for _ in range(8)))

    assert (len(answers), len(refusals)) == (1, 7)
    reasons = {error.reason for error in refusals if isinstance(error, InvalidGrant)}
    assert "CODE_REPLAYED" in reasons
    assert reasons <= {"CODE_REPLAYED", "GRANT_REVOKED"}
    assert len(await world.rows("refresh_families")) == 1
    assert await _is_dead(world, client, answers[0])
    emitted = await world.event_types()
    assert (emitted.count("code.redeemed"), emitted.count("token.issued"), emitted.count("token.revoked")) == (1, 1, 1)


@pytest.mark.conformance("oidcc-codereuse-30seconds")
@pytest.mark.s(14)
@pytest.mark.parametrize("after", [timedelta(0), 30 * SECOND, 5 * MINUTE])
async def test_a_replayed_code_revokes_what_it_bought(world: World, client: Registered, after: timedelta) -> None:
    """Also long after the code's own minute."""
    code = await world.code(client)
    tokens = await world.exchange(client, code)
    await world.get_userinfo(tokens["access_token"])
    world.clock.move(after)

    assert await _refusal(world, client, code) == "CODE_REPLAYED"
    assert await _is_dead(world, client, tokens)
    [replayed], [revoked] = await world.events("code.replayed"), await world.events("token.revoked")
    [grant] = await world.rows("grants")
    about = {"user_id": ALICE, "client_id": client.client_id, "grant_id": grant["grant_id"]}
    assert replayed["data"] == about
    assert (replayed["outcome"], replayed["actorid"]) == ("failure", client.client_id)
    assert (revoked["data"], revoked["reason"]) == ({**about, "reason": "REASON_CODE_REPLAYED"}, "code_replayed")
    assert grant["revoked_reason"] == "code_replayed"


@pytest.mark.s(14)
async def test_a_third_try_is_refused_and_tells_nothing_new(world: World, client: Registered) -> None:
    code = await world.code(client)
    await world.exchange(client, code)
    await _refusal(world, client, code)
    emitted = await world.event_types()
    assert await _refusal(world, client, code) == "GRANT_REVOKED"
    assert await world.event_types() == emitted


@pytest.mark.s(14)
async def test_what_was_refreshed_since_is_revoked_as_well(world: World, client: Registered) -> None:
    code = await world.code(client)
    tokens = await world.exchange(client, code)
    refreshed = await world.refresh(client, tokens["refresh_token"])
    await _refusal(world, client, code)
    assert await _is_dead(world, client, refreshed)


@pytest.mark.s(14)
@pytest.mark.parametrize(
    "changes", [{"code_verifier": "x" * 43}, {"code_verifier": None}, {"redirect_uri": "https://x.example"}]
)
async def test_a_thief_without_the_verifier_ends_nothing(
    world: World, client: Registered, changes: dict[str, Any]
) -> None:
    code = await world.code(client)
    tokens = await world.exchange(client, code)
    await _refusal(world, client, code, **changes)
    await world.get_userinfo(tokens["access_token"])
    assert await world.events("code.replayed", "token.revoked") == []


@pytest.mark.s(13, 14)
async def test_code_of_another_client_is_refused_without_effect(world: World, client: Registered) -> None:
    other = await world.client()
    code = await world.code(client)
    assert await _refusal(world, other, code) == "CODE_OF_ANOTHER_CLIENT"
    tokens = await world.exchange(client, code)
    assert await _refusal(world, other, code) == "CODE_OF_ANOTHER_CLIENT"
    await world.get_userinfo(tokens["access_token"])


@pytest.mark.s(12, 13)
@pytest.mark.parametrize(
    ("asked_for", "brought", "reason"),
    [
        (NO_CHALLENGE, {"redirect_uri": None, "code_verifier": None}, "REDIRECT_URI_MISMATCH"),
        ({}, {"redirect_uri": "https://client.example/CB"}, "REDIRECT_URI_MISMATCH"),
        (
            {"redirect_uri": None, "scope": "notes"},
            {"redirect_uri": "https://other.example"},
            "REDIRECT_URI_MISMATCH",
        ),
        ({}, {"code_verifier": None}, "PKCE_DOWNGRADE"),
        (NO_CHALLENGE, {}, "PKCE_DOWNGRADE"),
        ({}, {"code_verifier": "x" * 43}, "PKCE_MISMATCH"),
        ({}, {"code_verifier": VERIFIER[:42]}, "PKCE_MISMATCH"),
        ({}, {"code_verifier": "ä" * 50}, "PKCE_MISMATCH"),
    ],
)
async def test_invalid_code_request_does_not_redeem_the_code(
    world: World, asked_for: dict[str, Any], brought: dict[str, Any], reason: str
) -> None:
    client = await world.client(require_pkce=False)
    code = await world.code(client, **asked_for)
    assert await _refusal(world, client, code, **brought) == reason
    [row] = await world.rows("codes")
    assert row["consumed_at"] is None
    right = {name: None for name in ("redirect_uri",) if name in asked_for}
    right |= {"code_verifier": None} if asked_for == NO_CHALLENGE else {}
    assert "access_token" in await world.exchange(client, code, **right)


@pytest.mark.s(13)
async def test_a_code_lives_for_a_minute(world: World, client: Registered) -> None:
    in_time, too_late = await world.code(client), await world.code(client)
    world.clock.move(MINUTE - SECOND)
    await world.exchange(client, in_time)
    world.clock.move(SECOND)
    assert await _refusal(world, client, too_late) == "CODE_EXPIRED"


@pytest.mark.parametrize("code", ["nonsense", "x" * 60_000, "ä", "' OR 1=1 --", "\x7f"])
async def test_what_is_no_code_is_refused(world: World, client: Registered, code: str) -> None:
    assert await _refusal(world, client, code) == "CODE_UNKNOWN"


async def test_a_request_without_a_code_says_so(world: World, client: Registered) -> None:
    with pytest.raises(OAuthError) as refusal:
        await world.token(client, grant_type="authorization_code")
    assert (refusal.value.error, refusal.value.reason) == ("invalid_request", "CODE_MISSING")


@pytest.mark.s(36)
@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (FakeAccount(active=False), "ACCOUNT_DISABLED"),
        (None, "ACCOUNT_DISABLED"),
        (FakeAccount(session_live=False), "SESSION_ENDED"),
    ],
)
async def test_code_exchange_is_refused_for_disabled_account_or_ended_session(
    world: World, client: Registered, account: FakeAccount | None, reason: str
) -> None:
    code = await world.code(client)
    world.users.users.pop(ALICE)
    if account is not None:
        world.users.users[ALICE] = account
    assert await _refusal(world, client, code) == reason
    assert await world.rows("refresh_families") == []
    assert await world.events("token.issued") == []


async def test_an_offline_grant_outlives_its_session_but_not_the_account(world: World, client: Registered) -> None:
    code, later = [await world.code(client, scope="openid offline_access") for _ in range(2)]
    world.users.users[ALICE] = FakeAccount(session_live=False)
    await world.exchange(client, code)
    world.users.users[ALICE] = FakeAccount(active=False)
    assert await _refusal(world, client, later) == "ACCOUNT_DISABLED"


@pytest.mark.s(66)
@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_without_a_signing_key_the_code_is_not_lost(world: World, client: Registered, alg: str) -> None:
    code = await world.code(client)
    world.keys.missing = {alg}
    with pytest.raises(TemporarilyUnavailable):
        await world.exchange(client, code)
    assert await world.events("token.issued", "code.redeemed") == []
    world.keys.missing = set()
    assert "access_token" in await world.exchange(client, code)


@pytest.mark.s(66)
async def test_without_knowing_the_account_the_code_is_not_lost(world: World, client: Registered) -> None:
    code = await world.code(client)
    world.users.away = True
    with pytest.raises(TemporarilyUnavailable):
        await world.exchange(client, code)
    world.users.away = False
    assert "access_token" in await world.exchange(client, code)


async def test_the_longest_nonce_fits_into_the_id_token(world: World, client: Registered) -> None:
    for nonce in ("x" * 1_024, "ä" * 170):
        assert "id_token" in await world.tokens(client, nonce=nonce)


@pytest.mark.s(36)
async def test_the_account_is_asked_about_once_and_about_nothing_else(world: World, client: Registered) -> None:
    await world.exchange(client, await world.code(client, a_session(session_id="s-7")))
    assert world.users.asked == [(ALICE, "s-7", ())]


async def test_it_costs_one_read_and_one_transaction(world: World, client: Registered) -> None:
    await world.tokens(client)
    code = await world.code(client)
    with statements(world.database) as sent:
        await world.exchange(client, code)
    assert sent[0].startswith("SELECT")
    # The read; code redeemed, family stored, grant prolonged, and two of the outbox.
    assert len(sent) == 6
    with statements(world.database) as sent:
        assert await _refusal(world, client, code) == "CODE_REPLAYED"
    # The read; revoked, and two of the outbox.
    assert len(sent) == 4


@pytest.mark.s(13)
async def test_redirect_uri_may_be_omitted_from_the_token_request_with_pkce(world: World, client: Registered) -> None:
    """draft-ietf-oauth-v2-1 4.1.3: the code_verifier binds the code to its client."""
    code = await world.code(client)
    assert (await world.exchange(client, code, redirect_uri=None))["access_token"]

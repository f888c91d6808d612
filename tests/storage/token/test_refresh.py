"""Refresh tokens: one family, one row, one successor for each (RFC 6749 6, RFC 9700 4.14)."""

import base64
import secrets
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import InvalidGrant, InvalidScope, InvalidToken, OAuthError, TemporarilyUnavailable
from services.token.domain.refresh_families import RefreshToken
from tests.storage.token.world import LIFETIMES, Person, Registered, World, at_once
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, MINUTE, SECOND, read_token

GRACE = LIFETIMES.refresh_grace
DAY = timedelta(days=1)


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client()


async def _refusal(world: World, client: Registered, token: str, **changes: Any) -> str:
    with pytest.raises(InvalidGrant) as refusal:
        await world.refresh(client, token, **changes)
    assert refusal.value.description == InvalidGrant.default_description
    return refusal.value.reason


async def _ended(world: World) -> bool:
    """The grant was ended for reuse, and told so once."""
    [grant] = await world.rows("grants")
    reuse, revoked = await world.events("token.reuse_detected"), await world.events("token.revoked")
    if grant["revoked_at"] is None:
        assert reuse == revoked == []
        return False
    assert grant["revoked_reason"] == "refresh_token_reused"
    about = {"user_id": ALICE, "client_id": grant["client_id"], "grant_id": grant["grant_id"]}
    assert [event["data"] for event in reuse] == [about]
    assert [event["data"] for event in revoked] == [{**about, "reason": "REASON_REFRESH_TOKEN_REUSED"}]
    return True


async def _chain(world: World, client: Registered, length: int, **changes: Any) -> list[str]:
    """That many refresh tokens of one family, each used after the grace of the one before; the last is the latest."""
    tokens = [(await world.tokens(client, **changes))["refresh_token"]]
    while len(tokens) < length:
        world.clock.move(GRACE + SECOND)
        tokens.append((await world.refresh(client, tokens[-1]))["refresh_token"])
    return tokens


@pytest.mark.s(21, 22)
async def test_each_use_brings_new_tokens_and_the_next_refresh_token(world: World, client: Registered) -> None:
    first = await world.tokens(client)
    world.clock.move(MINUTE)
    second = await world.refresh(client, first["refresh_token"])
    third = await world.refresh(client, second["refresh_token"])
    assert len({tokens["refresh_token"] for tokens in (first, second, third)}) == 3
    assert len({tokens["access_token"] for tokens in (first, second, third)}) == 3
    assert second.keys() == first.keys()
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 3
    assert await world.told() == [
        "client.created",
        "code.redeemed",
        "token.issued",
        "token.refreshed",
        "token.refreshed",
    ]
    refreshed = (await world.events("token.refreshed"))[0]
    token_id = read_token(second["access_token"], "ES256").claims["jti"]
    assert (refreshed["data"]["token_id"], refreshed["data"]["scopes"]) == (token_id, ["openid", "notes"])


@pytest.mark.s(21)
async def test_no_refresh_token_is_kept(world: World, client: Registered) -> None:
    tokens = await _chain(world, client, 3)
    kept = await world.all_kept()
    for token in tokens:
        assert token not in kept
        assert repr(RefreshToken.parse(token).secret)[2:-1] not in kept


@pytest.mark.s(22)
@pytest.mark.parametrize("after", [timedelta(0), GRACE])
async def test_the_predecessor_gets_the_same_successor_within_grace(
    world: World, client: Registered, after: timedelta
) -> None:
    [token] = await _chain(world, client, 1)
    first = await world.refresh(client, token)
    world.clock.move(after)
    again = await world.refresh(client, token)
    assert again["refresh_token"] == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    assert not await _ended(world)
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 2


@pytest.mark.s(22)
async def test_eight_at_once_get_one_successor(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
    answers, refusals = await at_once(*(world.refresh(client, token) for _ in range(8)))
    assert refusals == []
    [successor] = {answer["refresh_token"] for answer in answers}
    assert "access_token" in await world.refresh(client, successor)
    assert not await _ended(world)
    assert len(await world.events("token.refreshed")) == 9


@pytest.mark.s(23)
async def test_the_predecessor_beyond_grace_ends_the_family(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
    tokens = await world.refresh(client, token)
    world.clock.move(GRACE + SECOND)
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_REUSED"
    assert await _ended(world)
    assert await _refusal(world, client, tokens["refresh_token"]) == "GRANT_REVOKED"
    with pytest.raises(InvalidToken):
        await world.get_userinfo(tokens["access_token"])


@pytest.mark.s(22, 23)
async def test_an_older_token_ends_the_family_even_within_grace(world: World, client: Registered) -> None:
    """django-oauth-toolkit#1617: a grace that reaches back more than one generation."""
    [token] = await _chain(world, client, 1)
    second = (await world.refresh(client, token))["refresh_token"]
    await world.refresh(client, second)
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_REUSED"
    assert await _ended(world)


@pytest.mark.s(23)
async def test_eight_reuses_at_once_end_the_family_once(world: World, client: Registered) -> None:
    tokens = await _chain(world, client, 3)
    answers, refusals = await at_once(*(world.refresh(client, tokens[0]) for _ in range(8)))
    assert (answers, len(refusals)) == ([], 8)
    assert await _ended(world)


@pytest.mark.s(21, 23)
async def test_a_forged_token_ends_nothing(world: World, client: Registered) -> None:
    """Who knows a family's id, which is no secret, must not be able to sign people out."""
    tokens = await _chain(world, client, 3)
    genuine = RefreshToken.parse(tokens[-1])
    for generation in (0, 1, 2, 3, 4, 2**32 - 1):
        forged = str(RefreshToken(genuine.family_id, generation, secrets.token_bytes(32)))
        assert await _refusal(world, client, forged) == "REFRESH_TOKEN_UNKNOWN"
    elsewhere = str(RefreshToken(str(uuid.uuid4()), genuine.generation, genuine.secret))
    assert await _refusal(world, client, elsewhere) == "REFRESH_TOKEN_UNKNOWN"
    assert not await _ended(world)
    assert "access_token" in await world.refresh(client, tokens[-1])


@pytest.mark.s(21, 23)
async def test_another_client_can_neither_use_a_token_nor_end_its_family(world: World, client: Registered) -> None:
    other = await world.client()
    tokens = await _chain(world, client, 3)
    for token in tokens:
        assert await _refusal(world, other, token) == "REFRESH_TOKEN_OF_ANOTHER_CLIENT"
    assert not await _ended(world)


@pytest.mark.s(21)
async def test_another_spelling_of_a_token_is_no_token(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    spellings = {token + "=", token[:5] + "\n" + token[5:], base64.b64encode(raw).decode(), raw.hex(), token[:-1], "x"}
    for other in spellings - {token}:
        assert await _refusal(world, client, other) == "REFRESH_TOKEN_MALFORMED"
    assert not await _ended(world)


async def test_a_request_without_a_token_says_so(world: World, client: Registered) -> None:
    with pytest.raises(OAuthError) as refusal:
        await world.token(client, grant_type="refresh_token")
    assert (refusal.value.error, refusal.value.reason) == ("invalid_request", "REFRESH_TOKEN_MISSING")


@pytest.mark.s(21)
async def test_an_unused_token_expires_after_two_weeks(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
    world.clock.move(LIFETIMES.refresh_idle - SECOND)
    token = (await world.refresh(client, token))["refresh_token"]
    world.clock.move(LIFETIMES.refresh_idle)
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_EXPIRED"


@pytest.mark.s(21)
async def test_a_family_ends_after_ninety_days_however_often_it_is_used(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
    for _ in range(8):
        world.clock.move(11 * DAY)
        token = (await world.refresh(client, token))["refresh_token"]
    world.clock.move(2 * DAY)
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_EXPIRED"


@pytest.mark.s(24)
async def test_a_scope_is_narrowed_for_one_access_token_only(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1, scope="openid notes email")
    narrow = await world.refresh(client, token, scope="notes")
    assert narrow["scope"] == read_token(narrow["access_token"], "ES256").claims["scope"] == "notes"
    assert "id_token" not in narrow
    whole = await world.refresh(client, narrow["refresh_token"])
    assert whole["scope"] == "openid notes email"
    assert "id_token" in whole


@pytest.mark.s(24)
@pytest.mark.parametrize("scope", ["openid notes profile", "profile", "admin", "openid  notes"])
async def test_a_scope_is_never_widened_and_asking_does_not_spend_the_token(
    world: World, client: Registered, scope: str
) -> None:
    [token] = await _chain(world, client, 1)
    with pytest.raises(InvalidScope):
        await world.refresh(client, token, scope=scope)
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1
    assert "access_token" in await world.refresh(client, token)


@pytest.mark.s(24, 36)
async def test_what_a_client_may_no_longer_ask_for_it_no_longer_gets(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1, scope="openid notes email")
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
    [token] = await _chain(world, client, 1)
    await world.update_client(client.client_id, {"grant_types": ["authorization_code"]})
    with pytest.raises(OAuthError) as refusal:
        await world.refresh(client, token)
    assert refusal.value.error == "unauthorized_client"


@pytest.mark.s(24, 36)
@pytest.mark.parametrize(
    ("scope", "person", "reason"),
    [
        ("openid", Person(active=False), "ACCOUNT_DISABLED"),
        ("openid offline_access", Person(active=False), "ACCOUNT_DISABLED"),
        ("openid", None, "ACCOUNT_DISABLED"),
        ("openid", Person(session_live=False), "SESSION_ENDED"),
    ],
)
async def test_somebody_who_was_disabled_or_has_signed_out_gets_no_more(
    world: World, client: Registered, scope: str, person: Person | None, reason: str
) -> None:
    [token] = await _chain(world, client, 1, scope=scope)
    world.people.people.pop(ALICE)
    if person is not None:
        world.people.people[ALICE] = person
    assert await _refusal(world, client, token) == reason
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1


async def test_an_offline_grant_goes_on_after_the_session(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1, scope="openid offline_access")
    world.people.people[ALICE] = Person(session_live=False)
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
    [token] = await _chain(world, client, 1)
    for _ in range(used):
        await world.refresh(client, token)
    world.people.meanwhile = lambda: meanwhile(world, client, token)
    assert await _refusal(world, client, token) == "GRANT_REVOKED"
    [family] = await world.rows("refresh_families")
    assert family["generation"] == 1 + used


@pytest.mark.s(22)
async def test_who_is_overtaken_by_two_steps_gets_nothing(world: World, client: Registered) -> None:
    """Between its look and its turn the token has become two generations old."""
    [token] = await _chain(world, client, 1)

    async def twice() -> None:
        successor = (await world.refresh(client, token))["refresh_token"]
        await world.refresh(client, successor)

    world.people.meanwhile = twice
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_ROTATED_AWAY"


async def test_a_family_that_was_purged_in_the_middle_is_unknown(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
    world.people.meanwhile = world.purge_everything
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_UNKNOWN"
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_UNKNOWN"


@pytest.mark.s(66)
async def test_without_a_signing_key_the_token_is_not_spent(world: World, client: Registered) -> None:
    [token] = await _chain(world, client, 1)
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
    [token] = await _chain(world, client, 1)
    with statements(world.database) as sent:
        again = await world.refresh(client, token)
    assert sent[0].startswith("SELECT")
    # The read; rotated, and two of the outbox.
    assert len(sent) == 4
    with statements(world.database) as sent:
        await world.refresh(client, token)
    assert len(sent) == 4
    assert "access_token" in await world.refresh(client, again["refresh_token"])

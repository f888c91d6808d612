"""Rotation: one successor for each token, and what happens to those that were replaced (RFC 9700 4.14.2)."""

import base64
import secrets
import uuid
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import InvalidGrant, InvalidToken
from services.token.domain.tokens.refresh_families import RefreshToken
from tests.storage.token.world import LIFETIMES, Registered, World, at_once
from tests.unit.token.parts import ALICE, MINUTE, SECOND, names_no_more_than_permitted, read_token

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


async def _ended(world: World) -> bool:
    """The grant was revoked for reuse, with one event."""
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
    assert await world.event_types() == [
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
    """A family id is not secret, so knowing it must not suffice to revoke the grant."""
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


@pytest.mark.s(22)
async def test_who_is_overtaken_by_two_steps_gets_nothing(world: World, client: Registered) -> None:
    """Between its look and its turn the token has become two generations old."""
    [token] = await _chain(world, client, 1)

    async def twice() -> None:
        successor = (await world.refresh(client, token))["refresh_token"]
        await world.refresh(client, successor)

    world.users.meanwhile = twice
    assert await _refusal(world, client, token) == "REFRESH_TOKEN_ROTATED_AWAY"

"""What is in the tokens, to the claim, as an independent library reads it (RFC 9068 2.2, OpenID Connect Core 2)."""

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.storage.token.world import Registered, World, sent
from tests.unit.token.parts import ALICE, ISSUER, MINUTE, NOON, a_session, read_token, signing_key

NOW = int(NOON.timestamp())
AUTH_TIME = NOW - 60


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client()


def _at_hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


@pytest.mark.s(25, 28)
async def test_an_access_token_says_this_and_no_more(world: World, client: Registered) -> None:
    tokens = await world.exchange(client, await world.code(client, a_session(session_id="s-7")))
    decoded = read_token(tokens["access_token"], "ES256")
    [grant] = await world.rows("grants")
    token_id = decoded.claims["jti"]
    assert decoded.header == {"alg": "ES256", "typ": "at+jwt", "kid": signing_key("ES256").kid}
    assert decoded.claims == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": ALICE,
        "client_id": client.client_id,
        "iat": NOW,
        "exp": NOW + 600,
        "jti": token_id,
        "scope": "openid notes",
        "auth_time": AUTH_TIME,
        "acr": "urn:latchkey:acr:password",
        "amr": ["pwd"],
        "sid": "s-7",
        "grant_id": grant["grant_id"],
    }
    assert token_id != grant["grant_id"]


@pytest.mark.s(16, 28)
async def test_an_id_token_says_this_and_no_more(world: World, client: Registered) -> None:
    """ID tokens contain no user claims, also with the scopes profile and email: /userinfo returns them."""
    code = await world.code(client, a_session(session_id="s-7"), scope="openid profile email", nonce=" a ä nonce\t")
    tokens = await world.exchange(client, code)
    decoded = read_token(tokens["id_token"], "RS256")
    assert decoded.header == {"alg": "RS256", "typ": "JWT", "kid": signing_key("RS256").kid}
    assert decoded.claims == {
        "iss": ISSUER,
        "sub": ALICE,
        "aud": client.client_id,
        "iat": NOW,
        "exp": NOW + 600,
        "auth_time": AUTH_TIME,
        "acr": "urn:latchkey:acr:password",
        "amr": ["pwd"],
        "at_hash": _at_hash(tokens["access_token"]),
        "nonce": " a ä nonce\t",
    }


@pytest.mark.parametrize(
    ("metadata", "requested", "expected"),
    [
        ({}, None, None),
        ({"post_logout_redirect_uris": ["https://client.example/out"]}, None, "s-7"),
        ({"backchannel_logout_uri": "https://client.example/back"}, None, "s-7"),
        ({"frontchannel_logout_uri": "https://client.example/front"}, None, "s-7"),
        ({}, {"id_token": {"sid": None}}, "s-7"),
        ({}, {"userinfo": {"sid": None}}, None),
    ],
)
async def test_id_token_has_sid_only_if_the_client_uses_or_requests_it(
    world: World, metadata: dict[str, Any], requested: dict[str, Any] | None, expected: str | None
) -> None:
    client = await world.client(
        **metadata, grant_types=["authorization_code", "implicit", "refresh_token"], response_types=["code", "id_token"]
    )
    claims: dict[str, Any] = {} if requested is None else {"claims": json.dumps(requested)}
    tokens = await world.exchange(client, await world.code(client, a_session(session_id="s-7"), **claims))
    front = sent(await world.ask(client, a_session(session_id="s-7"), response_type="id_token", **claims))
    refreshed = await world.refresh(client, tokens["refresh_token"])
    for text in (tokens["id_token"], front["id_token"], refreshed["id_token"]):
        assert read_token(text, "RS256").claims.get("sid") == expected
    assert all("sid" not in names for _, _, names in world.users.asked)


@pytest.mark.s(16)
async def test_without_a_nonce_there_is_none(world: World, client: Registered) -> None:
    assert "nonce" not in read_token((await world.tokens(client, nonce=None))["id_token"], "RS256").claims


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
async def test_the_client_chooses_how_its_id_tokens_are_signed(world: World, alg: str) -> None:
    client = await world.client(id_token_signed_response_alg=alg)
    tokens = await world.tokens(client)
    decoded = read_token(tokens["id_token"], alg)
    assert decoded.header["kid"] == signing_key(alg).kid
    assert decoded.claims["at_hash"] == _at_hash(tokens["access_token"])
    assert read_token(tokens["access_token"], "ES256").header["alg"] == "ES256"


async def test_a_refreshed_id_token_tells_of_the_same_sign_in(world: World, client: Registered) -> None:
    """OpenID Connect Core 12.2: same iss, sub, aud, auth_time; a new iat; no nonce."""
    first = await world.tokens(client)
    world.clock.move(30 * MINUTE)
    second = await world.refresh(client, first["refresh_token"])
    before, after = (read_token(tokens["id_token"], "RS256").claims for tokens in (first, second))
    changed: dict[str, Any] = {
        "iat": NOW + 1_800,
        "exp": NOW + 2_400,
        "at_hash": _at_hash(second["access_token"]),
    }
    assert after == {**{name: value for name, value in before.items() if name != "nonce"}, **changed}
    access = [read_token(tokens["access_token"], "ES256").claims for tokens in (first, second)]
    assert access[0]["jti"] != access[1]["jti"]
    assert {each["auth_time"] for each in access} == {AUTH_TIME}
    assert {each["sid"] for each in access} == {"s-1"}
    assert {each["grant_id"] for each in access} == {access[0]["grant_id"]}


@pytest.mark.s(25)
async def test_a_narrowed_access_token_carries_its_own_scope(world: World, client: Registered) -> None:
    first = await world.tokens(client)
    narrow = await world.refresh(client, first["refresh_token"], scope="notes")
    assert read_token(narrow["access_token"], "ES256").claims["scope"] == "notes"


@pytest.mark.s(54)
async def test_each_sign_in_is_a_grant_of_its_own(world: World, client: Registered) -> None:
    grants = {read_token((await world.tokens(client))["access_token"], "ES256").claims["grant_id"] for _ in range(3)}
    assert len(grants) == 3

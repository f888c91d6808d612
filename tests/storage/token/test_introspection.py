"""Introspection (RFC 7662): only known callers, only about tokens that are theirs to know of, and no guess about others."""

from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.client_authentication import NONE, Credentials
from libs.oauth.errors import InvalidClient, InvalidRequest
from libs.oauth.parameters import Parameters
from tests.storage.token.edge import edge_of, post
from tests.storage.token.world import LIFETIMES, Registered, World, sent
from tests.unit.token.parts import ALICE, ISSUER, read_token

pytestmark = pytest.mark.s(32)
INACTIVE = {"active": False}


async def introspect(world: World, caller: Registered, token: str) -> Any:
    return await world.introspect_token(caller.credentials, Parameters({"token": token}))


async def test_the_client_of_an_access_token_sees_what_it_says(world: World) -> None:
    client = await world.client()
    token = (await world.tokens(client))["access_token"]
    seen = await introspect(world, client, token)
    claims = read_token(token, "ES256").claims
    assert seen == {"active": True, "token_type": "Bearer", **claims}
    assert (seen["iss"], seen["sub"], seen["client_id"]) == (ISSUER, ALICE, client.client_id)


async def test_introspection_describes_refresh_token(world: World) -> None:
    client = await world.client()
    seen = await introspect(world, client, (await world.tokens(client))["refresh_token"])
    assert seen["active"]
    assert (seen["client_id"], seen["sub"], seen["scope"]) == (client.client_id, ALICE, "openid notes")


async def test_another_client_learns_nothing_and_a_resource_server_of_access_tokens_everything(world: World) -> None:
    client, other = await world.client(), await world.client()
    api = await world.machine(introspection="all")
    tokens = await world.tokens(client)
    for text in (tokens["access_token"], tokens["refresh_token"]):
        assert await introspect(world, other, text) == INACTIVE
    assert (await introspect(world, api, tokens["access_token"]))["active"]
    assert await introspect(world, api, tokens["refresh_token"]) == INACTIVE


async def _revoke_token(world: World, client: Registered, tokens: dict[str, Any]) -> None:
    await world.revoke(client, tokens["access_token"])


async def _revoke_grant(world: World, client: Registered, tokens: dict[str, Any]) -> None:
    await world.revoke(client, tokens["refresh_token"])


async def _expire(world: World, _client: Registered, _tokens: dict[str, Any]) -> None:
    world.clock.move(LIFETIMES.access_token)


@pytest.mark.parametrize("end", [_revoke_token, _revoke_grant, _expire])
async def test_what_has_ended_is_not_active_at_once(world: World, end: Any) -> None:
    client = await world.client()
    tokens = await world.tokens(client)
    await end(world, client, tokens)
    assert await introspect(world, client, tokens["access_token"]) == INACTIVE


async def test_a_refresh_token_that_was_replaced_is_not_active_and_asking_ends_nothing(world: World) -> None:
    client = await world.client()
    first = await world.tokens(client)
    second = await world.refresh(client, first["refresh_token"])
    world.clock.move(LIFETIMES.refresh_grace + timedelta(seconds=1))
    assert await introspect(world, client, first["refresh_token"]) == INACTIVE
    assert (await introspect(world, client, second["refresh_token"]))["active"]
    world.clock.move(LIFETIMES.refresh_idle)
    assert await introspect(world, client, second["refresh_token"]) == INACTIVE


@pytest.mark.parametrize("token", ["x", "a.b.c", "A" * 70, "A" * 9_000])
async def test_what_is_no_token_is_not_active(world: World, token: str) -> None:
    assert await introspect(world, await world.client(), token) == INACTIVE


@pytest.mark.s(28)
async def test_an_id_token_is_no_access_token(world: World) -> None:
    client = await world.client()
    assert await introspect(world, client, (await world.tokens(client))["id_token"]) == INACTIVE


async def test_introspection_is_refused_without_client_authentication(world: World) -> None:
    public = await world.client(token_endpoint_auth_method="none")
    token = (await world.tokens(public))["access_token"]
    client = await world.client()
    for credentials in (
        Credentials(public.client_id, NONE),
        Registered(client.client_id, "wrong").credentials,
        Registered("c_unknown", "x").credentials,
    ):
        with pytest.raises(InvalidClient):
            await world.introspect_token(credentials, Parameters({"token": token}))
    with pytest.raises(InvalidRequest):
        await world.introspect_token(client.credentials, Parameters({}))


async def test_over_http_it_is_json_or_a_signed_answer_and_never_kept(world: World) -> None:
    client = await world.client()
    token = (await world.tokens(client))["access_token"]
    async with edge_of(world) as edge:
        plain = await post(edge, "/introspect", {"token": token}, client=client)
        assert (plain.status, plain.headers["Cache-Control"]) == (200, "no-store")
        user_allowed = await plain.json()
        assert user_allowed["active"] is True
        headers = [("Accept", "application/token-introspection+jwt")]
        signed = await post(edge, "/introspect", {"token": token}, client=client, headers=headers)
        assert signed.content_type == "application/token-introspection+jwt"
        read = read_token(await signed.text(), "RS256")
        assert read.header["typ"] == "token-introspection+jwt"
        assert read.claims["token_introspection"] == user_allowed
        assert (read.claims["iss"], read.claims["aud"]) == (ISSUER, client.client_id)
        assert {"sub", "exp"}.isdisjoint(read.claims)  # RFC 9701 5: so that it passes for no other token


@pytest.mark.s(28)
async def test_userinfo_is_signed_for_a_client_that_wants_it_so(world: World) -> None:
    """Conformance: oidcc-userinfo-rs256; Accept says application/json there, and counts for nothing."""
    client = await world.client(userinfo_signed_response_alg="RS256")
    tokens = await world.tokens(client, scope="openid email")
    async with edge_of(world) as edge:
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Accept": "application/json"}
        answer = await edge.get("/userinfo", headers=headers)
        assert (answer.status, answer.content_type) == (200, "application/jwt")
        text = await answer.text()
    read = read_token(text, "RS256")
    assert read.claims["email"] == "alice@example.com"
    assert (read.claims["iss"], read.claims["aud"], read.claims["sub"]) == (ISSUER, client.client_id, ALICE)
    assert "nonce" not in read.claims
    hinted = sent(await world.ask(client, prompt="none", id_token_hint=text))
    assert hinted["error"] == "invalid_request"  # it is no ID token

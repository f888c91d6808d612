"""POST /revoke over HTTP (RFC 7009 2)."""

from collections.abc import AsyncIterator

import pytest

from tests.storage.token.edge import Edge, edge_of, post, refusal
from tests.storage.token.world import World


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Edge]:
    async with edge_of(world) as edge:
        yield edge


@pytest.mark.s(33, 59)
async def test_whatever_became_of_the_token_the_answer_is_the_same(world: World, edge: Edge) -> None:
    client = await world.client()
    tokens = await world.tokens(client, scope="openid offline_access")
    others = await world.tokens(await world.client(), scope="openid offline_access")
    for token in (tokens["refresh_token"], tokens["refresh_token"], others["access_token"], "unknown"):
        response = await post(edge, "/revoke", {"token": token}, client=client)
        assert (response.status, await response.json()) == (200, {})
        assert response.headers["Cache-Control"] == "no-store"
    assert len(await world.events("token.revoked")) == 1


@pytest.mark.s(18, 33)
async def test_a_client_proves_who_it_is_as_at_the_token_endpoint(world: World, edge: Edge) -> None:
    client = await world.client()
    token = (await world.tokens(client))["access_token"]
    assert await refusal(await post(edge, "/revoke", {"token": token})) == (400, "invalid_client")
    wrong = {"token": token, "client_id": client.client_id}
    assert await refusal(await post(edge, "/revoke", wrong)) == (400, "invalid_client")
    assert await refusal(await post(edge, "/revoke", {}, client=client)) == (400, "invalid_request")
    assert await refusal(await edge.get(f"/revoke?token={token}")) == (405, "invalid_request")
    in_url = await post(edge, f"/revoke?token={token}", b"", client=client)
    assert await refusal(in_url) == (400, "invalid_request")
    assert await world.events("token.revoked") == []


@pytest.mark.s(58)
async def test_an_application_in_a_browser_may_give_its_tokens_back(world: World, edge: Edge) -> None:
    public = await world.client(token_endpoint_auth_method="none")
    token = (await world.tokens(public))["access_token"]
    preflight = await edge.options("/revoke", headers={"Origin": "https://app.example"})
    response = await post(edge, "/revoke", {"token": token, "client_id": public.client_id})
    assert response.status == 200
    for answer in (preflight, response):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers

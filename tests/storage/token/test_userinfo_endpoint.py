"""GET and POST /userinfo over HTTP (OpenID Connect Core 5.3, RFC 6750 2 and 3)."""

from collections.abc import AsyncIterator

import pytest

from libs.oauth.errors import InvalidToken
from tests.storage.token.edge import Edge, edge_of, post, refusal
from tests.storage.token.world import World
from tests.unit.token.parts import ALICE

CLAIMS = {"sub": ALICE, "email": "alice@example.com", "email_verified": True}


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Edge]:
    async with edge_of(world) as edge:
        yield edge


@pytest.fixture
async def token(world: World) -> str:
    return str((await world.tokens(await world.client(), scope="openid email"))["access_token"])


@pytest.mark.s(59)
async def test_the_token_travels_in_the_header_or_in_the_body(edge: Edge, token: str) -> None:
    header = {"Authorization": f"Bearer {token}"}
    for response in (
        await edge.get("/userinfo", headers=header),
        await edge.get("/userinfo", headers={"Authorization": f"bEARER  {token}", "Accept": "application/jwt"}),
        await edge.post("/userinfo", headers=header),
        await post(edge, "/userinfo", b"", headers=list(header.items())),
        await post(edge, "/userinfo", {"access_token": token}),
    ):
        assert (response.status, response.content_type) == (200, "application/json")
        assert await response.json() == CLAIMS
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_without_a_token_the_scheme_is_named_and_no_error(edge: Edge) -> None:
    """RFC 6750 3.1, also for another way of authentication."""
    for authorization in (None, "Bearer", "Bearer ", "Basic Y19zaG9wOng=", "DPoP", ""):
        headers = {} if authorization is None else {"Authorization": authorization}
        response = await edge.get("/userinfo", headers=headers)
        assert (response.status, await response.json()) == (401, {})
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_that_is_not_good_gets_a_challenge_that_says_so(edge: Edge, token: str) -> None:
    description = InvalidToken.default_description
    for bad in ("x", token + "x", token[:-5], "a.b.c", "é", "x" * 5_000):
        for response in (
            await edge.get("/userinfo", headers={"Authorization": f"Bearer {bad}"}),
            await post(edge, "/userinfo", {"access_token": bad}),
        ):
            assert await refusal(response) == (401, "invalid_token")
            challenge = f'Bearer error="invalid_token", error_description="{description}"'
            assert response.headers["WWW-Authenticate"] == challenge


async def test_a_token_without_openid_is_forbidden(world: World, edge: Edge) -> None:
    tokens = await world.tokens(await world.client(), scope="notes")
    response = await edge.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert await refusal(response) == (403, "insufficient_scope")
    assert response.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')


@pytest.mark.s(60)
async def test_a_token_in_the_url_is_refused(edge: Edge, token: str) -> None:
    for response in (
        await edge.get(f"/userinfo?access_token={token}"),
        await edge.post(f"/userinfo?access_token={token}"),
        await edge.get("/userinfo?access_token=", headers={"Authorization": f"Bearer {token}"}),
    ):
        assert await refusal(response) == (400, "invalid_request")


async def test_a_token_in_two_places_is_refused(edge: Edge, token: str) -> None:
    header = ("Authorization", f"Bearer {token}")
    for response in (
        await post(edge, "/userinfo", {"access_token": token}, headers=[header]),
        await post(edge, "/userinfo", [("access_token", token), ("access_token", token)]),
        await edge.get("/userinfo", headers=[header, header]),
        await edge.get("/userinfo", headers=[header, ("Authorization", "Basic x")]),
    ):
        assert await refusal(response) == (400, "invalid_request")


async def test_a_body_of_another_type_is_not_looked_into(edge: Edge, token: str) -> None:
    response = await edge.post("/userinfo", json={"access_token": token})
    assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.s(66)
async def test_when_the_account_cannot_be_asked_about_the_token_is_not_blamed(
    world: World, edge: Edge, token: str
) -> None:
    world.users.away = True
    response = await edge.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert await refusal(response) == (503, "temporarily_unavailable")
    assert response.headers["Retry-After"] == "2"
    assert "WWW-Authenticate" not in response.headers

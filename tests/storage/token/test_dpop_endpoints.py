"""DPoP over HTTP: status, challenges, nonces and CORS (RFC 9449 5, 7.1, 8, 9), on both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.storage.token.edge import Edge, edge_of, post, refusal
from tests.storage.token.world import Registered, World
from tests.unit.token.parts import REDIRECT_URI, VERIFIER
from tests.unit.token.proofs import a_proof

pytestmark = pytest.mark.s(26)
USERINFO_URL = "https://token.example/userinfo"


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Edge]:
    async with edge_of(world) as edge:
        yield edge


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client(dpop_bound_access_tokens=True)


async def _access_token(world: World, edge: Edge, client: Registered) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": await world.code(client),
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    response = await post(edge, "/token", form, client=client, headers=[("DPoP", a_proof())])
    body = await response.json()
    assert (response.status, body["token_type"]) == (200, "DPoP")
    return str(body["access_token"])


def _headers(token: str, which: int = 0, *, scheme: str = "DPoP", **changes: Any) -> dict[str, str]:
    proof = a_proof(which, method="GET", url=USERINFO_URL, token=token, **changes)
    return {"Authorization": f"{scheme} {token}", "DPoP": proof}


async def test_userinfo_accepts_the_scheme_in_any_case(world: World, edge: Edge, client: Registered) -> None:
    token = await _access_token(world, edge, client)
    for scheme in ("DPoP", "dpOP", "DPOP"):
        response = await edge.get("/userinfo", headers=_headers(token, scheme=scheme))
        assert response.status == 200
        assert (await response.json())["sub"]


async def test_userinfo_refuses_with_a_dpop_challenge(world: World, edge: Edge, client: Registered) -> None:
    token = await _access_token(world, edge, client)
    for headers, error in (
        ({"Authorization": f"DPoP {token}"}, "invalid_dpop_proof"),
        (_headers(token, 1), "invalid_token"),
        (_headers(token, htm="POST"), "invalid_dpop_proof"),
        (_headers(token, ath="x"), "invalid_dpop_proof"),
    ):
        response = await edge.get("/userinfo", headers=headers)
        assert await refusal(response) == (401, error)
        assert response.headers["WWW-Authenticate"].startswith(f'DPoP algs="ES256", error="{error}"')


async def test_bound_token_is_refused_as_bearer_token_in_header_and_body(
    world: World, edge: Edge, client: Registered
) -> None:
    token = await _access_token(world, edge, client)
    for response in (
        await edge.get("/userinfo", headers=_headers(token, scheme="Bearer")),
        await post(edge, "/userinfo", {"access_token": token}),
    ):
        assert await refusal(response) == (401, "invalid_token")
        assert response.headers["WWW-Authenticate"].startswith("Bearer error=")


async def test_request_without_a_token_gets_both_challenges(edge: Edge) -> None:
    response = await edge.get("/userinfo")
    assert response.headers.getall("WWW-Authenticate") == ["Bearer", 'DPoP algs="ES256"']


async def test_token_endpoint_refuses_an_invalid_proof_with_status_400(edge: Edge, client: Registered) -> None:
    form = {"grant_type": "authorization_code", "code": "x"}
    for proofs, error in (
        ((), "invalid_request"),
        ((a_proof(htm="GET"),), "invalid_dpop_proof"),
        ((a_proof(), a_proof()), "invalid_dpop_proof"),
    ):
        response = await post(edge, "/token", form, client=client, headers=[("DPoP", proof) for proof in proofs])
        assert await refusal(response) == (400, error)


async def test_use_dpop_nonce_has_one_nonce_that_browser_scripts_can_read(world: World) -> None:
    client = await world.client()
    required = replace(world.issue_tokens.proofs, nonce_mode="required")
    world.issue_tokens = replace(world.issue_tokens, proofs=required)
    world.userinfo = replace(world.userinfo, proofs=required)
    async with edge_of(world) as edge:
        form = {"grant_type": "authorization_code", "code": "x"}
        response = await post(edge, "/token", form, client=client, headers=[("DPoP", a_proof())])
        assert await refusal(response) == (400, "use_dpop_nonce")
        [nonce] = response.headers.getall("DPoP-Nonce")
        assert "DPoP-Nonce" in response.headers["Access-Control-Expose-Headers"]
        assert "WWW-Authenticate" in response.headers["Access-Control-Expose-Headers"]
        again = await post(edge, "/token", form, client=client, headers=[("DPoP", a_proof(nonce=nonce))])
        assert await refusal(again) == (400, "invalid_grant")


async def test_userinfo_asks_for_a_nonce_with_status_401(world: World) -> None:
    client = await world.client()
    async with edge_of(world) as edge:
        token = await _access_token(world, edge, client)
    world.userinfo = replace(world.userinfo, proofs=replace(world.userinfo.proofs, nonce_mode="required"))
    async with edge_of(world) as edge:
        response = await edge.get("/userinfo", headers=_headers(token))
        assert await refusal(response) == (401, "use_dpop_nonce")
        assert response.headers["WWW-Authenticate"].startswith('DPoP algs="ES256", error="use_dpop_nonce"')
        nonce = response.headers["DPoP-Nonce"]
        assert (await edge.get("/userinfo", headers=_headers(token, nonce=nonce))).status == 200

"""Token revocation (RFC 7009)."""

import httpx2
import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.s(33)


async def _revoke(client: RelyingParty, token: str) -> httpx2.Response:
    """Revokes with Authlib."""
    answer = await client.oauth.revoke_token(f"{client.system.client_edge}/revoke", token=token)
    assert isinstance(answer, httpx2.Response)
    return answer


async def test_revoking_a_refresh_token_ends_the_grant(browser: Browser, web: RelyingParty) -> None:
    tokens = await web.sign_in(browser)
    assert (await _revoke(web, tokens["refresh_token"])).status_code == 200
    again = await web.token_request(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    assert (await web.userinfo(tokens["access_token"])).status_code == 401


async def test_revoking_an_access_token_ends_only_that_token(browser: Browser, web: RelyingParty) -> None:
    tokens = await web.sign_in(browser)
    assert (await web.userinfo(tokens["access_token"])).status_code == 200
    assert (await _revoke(web, tokens["access_token"])).status_code == 200
    assert (await web.userinfo(tokens["access_token"])).status_code == 401
    fresh = await web.token_request(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (await web.userinfo(fresh.json()["access_token"])).status_code == 200


async def test_client_cannot_revoke_tokens_of_another_client(
    browser: Browser, web: RelyingParty, second: RelyingParty
) -> None:
    tokens = await web.sign_in(browser)
    for token in (tokens["refresh_token"], tokens["access_token"], "unknown"):
        assert (await _revoke(second, token)).status_code == 200
    assert (await web.userinfo(tokens["access_token"])).status_code == 200


async def test_public_client_revokes_with_its_client_id(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system, token_endpoint_auth_method="none") as public:
        tokens = await public.sign_in(browser)
        assert (await _revoke(public, tokens["refresh_token"])).status_code == 200
        assert (await public.userinfo(tokens["access_token"])).status_code == 401


async def test_revocation_without_client_authentication_gets_invalid_client(system: Stack, web: RelyingParty) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{system.client_edge}/revoke", data={"token": "x"}, auth=(web.client_id, "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_discovery_contains_revocation_endpoint(system: Stack) -> None:
    async with httpx2.AsyncClient() as client:
        document = (await client.get(f"{system.issuer}/.well-known/openid-configuration")).json()
    assert document["revocation_endpoint"] == f"{system.client_edge}/revoke"

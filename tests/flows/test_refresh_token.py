"""Refresh tokens: rotation, grace, reuse (RFC 6749, 6; RFC 9700, 4.14)."""

import asyncio

import pytest

from tests.flows.relying_party import RelyingParty, verified
from tests.support.browser import Browser
from tests.support.stack import Stack


async def test_refresh_returns_new_tokens_for_the_same_user(system: Stack, browser: Browser, web: RelyingParty) -> None:
    before = await web.sign_in(browser)
    after = dict(await web.oauth.refresh_token(refresh_token=before["refresh_token"]))
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    old = await verified(system, before["id_token"], audience=web.client_id, alg="RS256", typ="JWT")
    new = await verified(system, after["id_token"], audience=web.client_id, alg="RS256", typ="JWT")
    assert (new["sub"], new["auth_time"], new["sid"]) == (old["sub"], old["auth_time"], old["sid"])
    assert "nonce" not in new
    assert (await web.userinfo(after["access_token"])).status_code == 200


@pytest.mark.s(22)
async def test_concurrent_and_repeated_refreshes_return_the_same_successor(browser: Browser, web: RelyingParty) -> None:
    token = (await web.sign_in(browser))["refresh_token"]
    answers = await asyncio.gather(
        *(web.token_request(grant_type="refresh_token", refresh_token=token) for _ in range(8))
    )
    successors = {answer.json()["refresh_token"] for answer in answers}
    again = await web.token_request(grant_type="refresh_token", refresh_token=token)
    assert successors == {again.json()["refresh_token"]}
    assert successors != {token}


@pytest.mark.s(23)
async def test_refresh_token_two_generations_old_ends_the_family(browser: Browser, web: RelyingParty) -> None:
    first = (await web.sign_in(browser))["refresh_token"]
    second = (await web.token_request(grant_type="refresh_token", refresh_token=first)).json()["refresh_token"]
    third = (await web.token_request(grant_type="refresh_token", refresh_token=second)).json()
    stolen = await web.token_request(grant_type="refresh_token", refresh_token=first)
    assert stolen.json()["error"] == "invalid_grant"
    dead = await web.token_request(grant_type="refresh_token", refresh_token=third["refresh_token"])
    assert dead.json()["error"] == "invalid_grant"
    assert (await web.userinfo(third["access_token"])).status_code == 401


@pytest.mark.s(24)
async def test_refresh_narrows_the_scope_and_cannot_widen_it(browser: Browser, web: RelyingParty) -> None:
    token = (await web.sign_in(browser, scope="openid email offline_access"))["refresh_token"]
    narrowed = (await web.token_request(grant_type="refresh_token", refresh_token=token, scope="openid")).json()
    assert narrowed["scope"] == "openid"
    wider = await web.token_request(
        grant_type="refresh_token", refresh_token=narrowed["refresh_token"], scope="openid phone"
    )
    assert wider.json()["error"] == "invalid_scope"


async def test_refresh_token_is_refused_for_another_client(
    browser: Browser, web: RelyingParty, second: RelyingParty
) -> None:
    token = (await web.sign_in(browser))["refresh_token"]
    answer = await second.token_request(grant_type="refresh_token", refresh_token=token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

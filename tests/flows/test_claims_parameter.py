"""The claims parameter (OpenID Connect Core, 5.5)."""

import json

import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty, verified
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql


async def test_requested_claims_are_in_the_requested_place(system: Stack, browser: Browser) -> None:
    claims = {"userinfo": {"name": {"essential": True}, "unknown": None}, "id_token": {"email": None}}
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, scope="openid", claims=json.dumps(claims))
        userinfo = (await client.userinfo(token["access_token"])).json()
        assert userinfo.keys() == {"sub", "name"}
        id_token = await verified(system, token["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        assert id_token["email"] == "alice@example.com"
        assert "name" not in id_token


@pytest.mark.s(56)
async def test_consent_page_lists_requested_claims(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser, scope="openid")
        page = await browser.open(
            client.start(scope="openid", claims=json.dumps({"userinfo": {"phone_number": None}})).url
        )
        assert page.name == "consent"
        assert "phone" in page.text.lower()


@pytest.mark.s(40)
async def test_requested_sub_of_another_user_gets_login_required(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
        claims = json.dumps({"id_token": {"sub": {"value": "another-user"}}})
        page = await browser.open(client.start(prompt="none", claims=claims).url)
        assert page.parameters["error"] == "login_required"


async def test_unsupported_essential_acr_gets_access_denied(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
        claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:example:retina"]}}})
        page = await browser.open(client.start(claims=claims).url)
        assert page.parameters["error"] == "access_denied"

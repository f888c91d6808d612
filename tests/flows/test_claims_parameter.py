"""Single claims, asked for by name (OpenID Connect Core 5.5)."""

import json

import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty, verified
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql


async def test_claims_come_where_they_were_asked_for(system: Stack, browser: Browser) -> None:
    claims = {"userinfo": {"name": {"essential": True}, "unknown": None}, "id_token": {"email": None}}
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, scope="openid", claims=json.dumps(claims))
        userinfo = (await client.userinfo(token["access_token"])).json()
        assert userinfo.keys() == {"sub", "name"}
        id_token = await verified(system, token["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        assert id_token["email"] == "alice@example.com"
        assert "name" not in id_token


@pytest.mark.s(56)
async def test_the_person_is_asked_about_claims_as_about_scopes(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser, scope="openid")
        page = await browser.open(
            client.start(scope="openid", claims=json.dumps({"userinfo": {"phone_number": None}})).url
        )
        assert page.name == "consent"
        assert "phone" in page.text.lower()


@pytest.mark.s(40)
async def test_another_person_than_the_one_asked_for_is_no_answer(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
        claims = json.dumps({"id_token": {"sub": {"value": "somebody-else"}}})
        page = await browser.open(client.start(prompt="none", claims=claims).url)
        assert page.parameters["error"] == "login_required"


async def test_an_essential_acr_that_nobody_has_is_a_failed_authentication(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
        claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:example:retina"]}}})
        page = await browser.open(client.start(claims=claims).url)
        assert page.parameters["error"] == "access_denied"

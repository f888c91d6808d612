"""Resource indicators (RFC 8707) with Authlib."""

from typing import Any

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError

from tests.flows.device import Device, allow
from tests.flows.relying_party import RelyingParty, verified
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.s(25)
ORDERS, NOTES = "https://orders.example/api", "urn:example:notes"
SCOPE = "openid notes offline_access"
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "notes"}


async def audience(system: Stack, token: dict[str, Any], *, of: str) -> Any:
    claims = await verified(system, token["access_token"], audience=of, alg="ES256", typ="at+jwt")
    return claims["aud"]


async def a_client(system: Stack, **metadata: Any) -> RelyingParty:
    return await RelyingParty.registered(system, **{"resources": [ORDERS, NOTES], "scope": SCOPE, **metadata})


async def test_refresh_token_gets_one_access_token_per_resource(system: Stack, browser: Browser) -> None:
    userinfo = f"{system.client_edge}/userinfo"
    async with await a_client(system) as client:
        tokens = await client.sign_in(browser, scope=SCOPE, resource=[ORDERS, NOTES])
        assert await audience(system, tokens, of=ORDERS) == [ORDERS, NOTES]
        assert (await client.userinfo(tokens["access_token"])).status_code == 401

        for resource in (ORDERS, NOTES, userinfo):
            tokens = await client.oauth.fetch_token(
                grant_type="refresh_token", refresh_token=tokens["refresh_token"], scope=SCOPE, resource=resource
            )
            assert await audience(system, tokens, of=resource) == resource
            expected = 200 if resource == userinfo else 401
            assert (await client.userinfo(tokens["access_token"])).status_code == expected
        with pytest.raises(OAuthError) as refusal:
            await client.oauth.fetch_token(
                grant_type="refresh_token",
                refresh_token=tokens["refresh_token"],
                scope=SCOPE,
                resource="https://other.example",
            )
        assert refusal.value.error == "invalid_target"


async def test_unregistered_resource_gets_invalid_target(system: Stack, browser: Browser) -> None:
    async with await a_client(system) as client:
        started = client.start(scope=SCOPE, resource=[ORDERS, "https://other.example"])
        page = await browser.open(started.url)
        assert page.left
        assert (page.parameters["error"], page.parameters["state"]) == ("invalid_target", started.state)
    async with await a_client(system, **MACHINE) as machine:
        answer = await machine.token_request(grant_type="client_credentials", resource="https://other.example")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.s(56)
async def test_consent_is_asked_once_for_each_resource(system: Stack, browser: Browser) -> None:
    async with await a_client(system) as client:
        await client.sign_in(browser, scope=SCOPE, resource=ORDERS)
        page = await browser.open(client.start(scope=SCOPE, resource=ORDERS).url)
        assert page.left
        for resources in (NOTES, [ORDERS, NOTES]):
            started = client.start(scope=SCOPE, resource=resources)
            page = await browser.open(started.url)
            if resources == NOTES:
                assert page.name == "consent"
                assert NOTES in page.text
                page = await browser.submit("consent-allow")
            assert page.left
            await client.finish(started, page)


@pytest.mark.s(32)
async def test_introspection_is_limited_to_tokens_for_the_calling_api(system: Stack, browser: Browser) -> None:
    endpoint = f"{system.client_edge}/introspect"
    async with (
        await a_client(system) as client,
        await RelyingParty.registered(system, served_resources=[ORDERS], **MACHINE) as orders,
        await RelyingParty.registered(system, served_resources=[NOTES], **MACHINE) as notes,
    ):
        started = client.start(scope=SCOPE, resource=ORDERS)
        await browser.open(started.url)
        await browser.sign_in()
        tokens = await client.finish(started, await browser.submit("consent-allow"))
        seen = (await orders.oauth.introspect_token(endpoint, token=tokens["access_token"])).json()
        assert (seen["active"], seen["aud"], seen["client_id"]) == (True, ORDERS, client.client_id)
        assert (await notes.oauth.introspect_token(endpoint, token=tokens["access_token"])).json() == {"active": False}


@pytest.mark.s(35)
async def test_device_grant_shows_the_resource_on_the_page_and_issues_a_token_for_it(
    system: Stack, browser: Browser
) -> None:
    async with await Device.new(system, resources=[ORDERS], scope="notes") as device:
        refused = await device.authorization_request(scope="notes", resource=NOTES)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
        device.codes = (await device.authorization_request(scope="notes", resource=ORDERS)).json()
        await allow(browser, device)
        assert await audience(system, await device.collect(), of=ORDERS) == ORDERS


async def test_repeated_parameter_other_than_resource_is_refused(system: Stack) -> None:
    async with await a_client(system, **MACHINE) as machine:
        async with httpx2.AsyncClient() as http:
            answer = await http.post(
                f"{system.client_edge}/token",
                data={"grant_type": "client_credentials", "resource": [ORDERS, NOTES], "scope": ["notes", "notes"]},
                auth=(machine.client_id, machine.client_secret or ""),
            )
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

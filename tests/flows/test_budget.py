"""Number of gRPC calls on the hot paths, read from the metrics of the services."""

import re
from collections import Counter

import httpx2
import pytest

from tests.flows.databases import on_postgresql
from tests.flows.device import Device, allow
from tests.flows.relying_party import RelyingParty, code_form
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql

_LINE = re.compile(r'^latchkey_rpc_seconds_count\{method="/latchkey\.([a-z]+)\.v1\.\w+/(\w+)"\} (\d+)', re.MULTILINE)


async def _calls(system: Stack) -> Counter[str]:
    """Calls served so far, by area and method, without the periodic requests for keys."""
    calls: Counter[str] = Counter()
    async with httpx2.AsyncClient() as client:
        for service in ("token", "authentication", "device", "key-rotation"):
            text = (await client.get(f"{system.ops(service)}/metrics")).text
            calls.update({f"{area}.{method}": int(count) for area, method, count in _LINE.findall(text)})
    return Counter({name: count for name, count in calls.items() if not name.startswith("keys.")})


async def _calls_since(system: Stack, before: Counter[str]) -> dict[str, int]:
    return dict(await _calls(system) - before)


async def test_client_credentials_make_no_call(system: Stack) -> None:
    async with await RelyingParty.registered(system, grant_types=["client_credentials"], redirect_uris=[]) as machine:
        before = await _calls(system)
        for _ in range(3):
            assert (await machine.token_request(grant_type="client_credentials")).status_code == 200
        assert await _calls_since(system, before) == {}


async def test_authorization_with_session_and_consent_makes_one_call_to_each_of_two_services(
    system: Stack, browser: Browser
) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
        before = await _calls(system)
        page = await browser.open(client.start().url)
        assert page.left
        assert await _calls_since(system, before) == {"authentication.GetSession": 1, "token.Authorize": 1}


async def test_authorization_without_a_session_makes_one_call(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        before = await _calls(system)
        response = await browser.client.get(client.start().url)
        assert response.status_code == 303
        assert await _calls_since(system, before) == {"token.Authorize": 1}


async def test_code_refresh_and_userinfo_make_one_call_about_the_account(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        await browser.sign_in()
        form = code_form(await browser.submit("consent-allow"), started, client)
        before = await _calls(system)
        token = (await client.token_request(**form)).json()
        assert await _calls_since(system, before) == {"authentication.GetAccount": 1}
        await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert await _calls_since(system, before) == {"authentication.GetAccount": 2}
        await client.userinfo(token["access_token"])
        assert await _calls_since(system, before) == {"authentication.GetAccount": 3}


@pytest.mark.s(34)
async def test_device_poll_makes_one_call_and_two_more_on_success(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        before = await _calls(system)
        await device.ask()
        assert await _calls_since(system, before) == {"device.CreateDeviceCode": 1}
        before = await _calls(system)
        assert (await device.poll()).status_code == 400
        assert await _calls_since(system, before) == {"device.PollDeviceCode": 1}
        await allow(browser, device)
        before = await _calls(system)
        assert (await device.poll()).status_code == 200
        assert await _calls_since(system, before) == {
            "device.PollDeviceCode": 1,
            "authentication.GetAccount": 1,
            "device.RedeemDeviceCode": 1,
        }


async def test_device_pages_make_two_calls_at_most(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        await browser.open("/device")
        await browser.sign_in()
        before = await _calls(system)
        await browser.submit("device-continue", user_code=device.codes["user_code"])
        assert await _calls_since(system, before) == {"authentication.GetSession": 1, "device.FindUserCode": 1}
        before = await _calls(system)
        response = await browser.client.post(
            "/device/decision", data=browser.page.form_with("device-allow").fields | {"choice": "allow"}
        )
        assert response.status_code == 303
        assert await _calls_since(system, before) == {"authentication.GetSession": 1, "device.DecideDeviceCode": 1}

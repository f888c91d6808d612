"""The device grant while the device service or the authentication service is stopped, and after restarts."""

import httpx2
import pytest

from tests.flows.device import Device, allow, open_confirmation
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("chaos")


def error_of(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


@pytest.mark.s(66)
async def test_device_grant_is_unavailable_and_sign_in_works_without_the_device_service(
    system: Stack, browser: Browser
) -> None:
    async with await Device.new(system) as device, await RelyingParty.registered(system) as web:
        await device.ask()
        await allow(browser, device)
        system.kill("device")
        try:
            assert error_of(await device.poll()) == (503, "temporarily_unavailable")
            assert error_of(await device.authorization_request(scope="openid")) == (503, "temporarily_unavailable")
            assert "access_token" in await web.sign_in(browser)
        finally:
            system.start("device")
        assert "access_token" in await device.collect()


@pytest.mark.s(34)
async def test_device_service_restart_keeps_codes_decisions_and_polling_interval(
    system: Stack, browser: Browser
) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        assert error_of(await device.poll()) == (400, "authorization_pending")
        assert error_of(await device.poll()) == (400, "slow_down")
        system.restart("device")
        assert error_of(await device.poll()) == (400, "slow_down")
        await open_confirmation(browser, device)
        system.restart("device")
        await browser.submit("device-allow")
        system.restart("device")
        assert "access_token" in await device.collect()


@pytest.mark.s(66)
async def test_device_code_stays_valid_when_authentication_is_unavailable(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        await allow(browser, device)
        system.kill("authentication")
        try:
            assert error_of(await device.poll()) == (503, "temporarily_unavailable")
        finally:
            system.start("authentication")
        assert "access_token" in await device.collect()

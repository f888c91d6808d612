"""Two-step verification on the real pages, at every sign-in."""

import re

import pytest

from tests.flows.authenticator import Authenticator, set_up
from tests.flows.relying_party import RelyingParty, verified
from tests.flows.test_account import enter
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack


async def user_with_authenticator(system: Stack) -> tuple[str, Authenticator]:
    username, _ = await new_user(system)
    async with Browser(system.issuer) as browser:
        await enter(browser, username)
        return username, await set_up(browser)


@pytest.mark.s(55)
async def test_sign_in_to_an_application_requires_the_second_factor(system: Stack, browser: Browser) -> None:
    username, app = await user_with_authenticator(system)
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        page = await browser.sign_in(username, f"{username}-password")
        assert page.name == "second-step"
        assert (await browser.open("/account")).name == "login"  # there is no session yet
        assert (await browser.open(started.url)).name == "login"
        page = await browser.sign_in(username, f"{username}-password")
        page = await browser.submit("totp-submit", totp_code="000000")
        assert (page.name, "already used" in page.text) == ("second-step", True)
        page = await browser.submit("totp-submit", totp_code=app.code())
        if page.name == "consent":
            page = await browser.submit("consent-allow")
        token = await client.finish(started, page)
        claims = await verified(system, token["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        assert (claims["acr"], claims["amr"]) == ("urn:latchkey:acr:mfa", ["pwd", "otp", "mfa"])


@pytest.mark.s(55)
async def test_sign_in_to_account_and_device_pages_requires_the_second_factor(system: Stack, browser: Browser) -> None:
    username, app = await user_with_authenticator(system)
    await browser.open("/account")
    assert (await browser.sign_in(username, f"{username}-password")).name == "second-step"
    assert (await browser.submit("totp-submit", totp_code=app.code())).name == "account"
    async with Browser(system.issuer) as other:
        await other.open("/device")
        assert (await other.sign_in(username, f"{username}-password")).name == "second-step"
        assert (await other.open("/device")).name == "login"
        await other.sign_in(username, f"{username}-password")
        assert (await other.submit("totp-submit", totp_code=app.code())).name == "device"


@pytest.mark.s(37)
async def test_cancelling_the_second_step_returns_access_denied(system: Stack, browser: Browser) -> None:
    username, _ = await user_with_authenticator(system)
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        await browser.sign_in(username, f"{username}-password")
        page = await browser.submit("second-step-cancel")
        assert page.url.startswith(client.redirect_uri)
        assert page.parameters["error"] == "access_denied"


@pytest.mark.s(48)
async def test_recovery_code_is_accepted_once(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    await enter(browser, username)
    await set_up(browser)
    page = await browser.submit("recovery-create")
    codes = re.findall(r"<code>([0-9a-z-]{14})</code>", page.text)
    assert len(set(codes)) == 10
    for code, name in ((codes[0].upper().replace("-", " "), "account"), (codes[0], "second-step")):
        async with Browser(system.issuer) as other:
            await other.open("/account")
            await other.sign_in(username, f"{username}-password")
            await other.open("/second-step?way=recovery")
            page = await other.submit("recovery-submit", recovery_code=code)
            assert page.name == name
    assert "9 unused codes" in (await browser.open("/account")).text


@pytest.mark.s(49)
async def test_second_factor_is_not_required_after_its_removal(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    await enter(browser, username)
    await set_up(browser)
    page = await browser.open("/account")
    button = re.search(r'id="(remove-factor-[^"]+)"', page.text)
    assert button
    page = await browser.submit(button.group(1))
    assert "Removed from two-step verification" in page.text
    async with Browser(system.issuer) as other:
        await enter(other, username)
        assert (await other.open("/account/recovery-codes")).name == "account"


@pytest.mark.s(49)
async def test_session_without_second_factor_cannot_change_the_account(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with Browser(system.issuer) as other:
        await enter(other, username)
        await enter(browser, username)
        app = await set_up(browser)
        page = await other.open("/account")
        button = re.search(r'id="(remove-factor-[^"]+)"', page.text)
        assert button
        assert (await other.submit(button.group(1))).name == "login"
        assert (await other.open("/account/authenticator")).name == "login"
        await other.sign_in(username, f"{username}-password")
        page = await other.submit("totp-submit", totp_code=app.code())
        assert page.name == "account-authenticator"


@pytest.mark.s(17)
async def test_password_grant_is_refused_for_a_user_with_second_factor(system: Stack) -> None:
    username, _ = await user_with_authenticator(system)
    async with await RelyingParty.registered(
        system, grant_types=["password"], redirect_uris=[], response_types=[], consent="skip"
    ) as client:
        answer = await client.token_request(
            grant_type="password", username=username, password=f"{username}-password", scope="openid"
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

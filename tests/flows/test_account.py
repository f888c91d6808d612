"""A person looks after their own account: sessions, applications, password."""

import pytest

from tests.flows.people import new_person
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack


async def enter(browser: Browser, username: str, password: str = "") -> None:
    page = await browser.open("/account")
    assert page.name == "login"
    assert (await browser.sign_in(username, password or f"{username}-password")).name == "account"


async def test_a_stolen_session_is_ended_from_another_browser(system: Stack, browser: Browser) -> None:
    username, _ = await new_person(system)
    async with await RelyingParty.registered(system) as client, Browser(system.issuer) as other:
        token = await client.sign_in(other, username=username, scope="openid")
        await enter(browser, username)
        page = await browser.submit("end-other-sessions")
        assert "All other sessions have ended" in page.text
        assert (await other.open("/account")).name == "login"
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"


@pytest.mark.s(24)
async def test_an_application_that_is_removed_has_nothing_left_and_asks_again(system: Stack, browser: Browser) -> None:
    username, _ = await new_person(system)
    async with await RelyingParty.registered(system, client_name="Notes") as client:
        token = await client.sign_in(browser, username=username)
        page = await browser.open("/account")
        assert "Notes" in page.text
        page = await browser.submit(f"remove-{client.client_id}")
        assert "no access any more" in page.text
        assert (await client.userinfo(token["access_token"])).status_code == 401
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"
        assert (await browser.open(client.start().url)).name == "consent"


async def test_a_new_password_is_the_only_one(system: Stack, browser: Browser) -> None:
    username, _ = await new_person(system)
    await enter(browser, username)
    await browser.open("/account/password")
    page = await browser.submit("password-submit", current_password="wrong", new_password="a brand-new one")
    assert "something else" in page.text
    page = await browser.submit(
        "password-submit", current_password=f"{username}-password", new_password="a brand-new one"
    )
    assert page.name == "account"
    assert "Your password is changed" in page.text
    async with Browser(system.issuer) as other:
        await enter(other, username, "a brand-new one")

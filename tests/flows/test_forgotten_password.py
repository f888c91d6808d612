"""Password reset by email: a new password, and the end of sessions and tokens."""

import asyncio

import pytest

from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.stack import Stack


async def ask(browser: Browser, identifier: str) -> str:
    await browser.open("/account/sign-in")
    await browser.open("/password/forgotten")
    return (await browser.submit("forgotten-submit", identifier=identifier)).name


@pytest.mark.s(51)
async def test_password_reset_by_email_ends_sessions_and_online_tokens(
    system: Stack, browser: Browser, mailbox: Mailbox
) -> None:
    username, _ = await new_user(system)
    address = f"{username}@example.com"
    async with await RelyingParty.registered(system) as client, Browser(system.issuer) as elsewhere:
        token = await client.sign_in(elsewhere, username=username, scope="openid")
        assert await ask(browser, username) == "password-sent"
        email = await mailbox.next_to(address)
        assert email["Subject"] == "Choose a new password · Latchkey"
        link = link_in(email)
        assert link.startswith(f"{system.issuer}/password/reset?token=")
        assert (await browser.open(link)).name == "password-reset"
        page = await browser.submit("password-submit", new_password="a brand-new one")
        assert page.name == "password-reset-done"
        assert "was changed" in text_of(await mailbox.next_to(address))
        assert (await elsewhere.open("/account")).name == "login"
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"
    assert (await browser.open(link)).error == "invalid_request"
    await browser.open("/account")
    assert (await browser.sign_in(username, f"{username}-password")).name == "login"
    assert (await browser.sign_in(username, "a brand-new one")).name == "account"


@pytest.mark.s(24, 51)
async def test_password_reset_ends_offline_access(system: Stack, browser: Browser, mailbox: Mailbox) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system) as client, Browser(system.issuer) as elsewhere:
        token = (await client.sign_in(elsewhere, username=username, scope="openid offline_access"))["refresh_token"]
        await ask(browser, username)
        await browser.open(link_in(await mailbox.next_to(f"{username}@example.com")))
        await browser.submit("password-submit", new_password="a brand-new one")
        async with asyncio.timeout(20):  # the token service receives the event from NATS
            while "refresh_token" in (
                answer := (await client.token_request(grant_type="refresh_token", refresh_token=token)).json()
            ):
                token = answer["refresh_token"]
        assert answer["error"] == "invalid_grant"


@pytest.mark.s(46)
async def test_password_reset_for_unknown_user_gets_the_same_page(system: Stack, mailbox: Mailbox) -> None:
    username, _ = await new_user(system)
    answers = []
    for identifier in (username, "unknown-user"):
        async with Browser(system.issuer) as browser:
            await ask(browser, identifier)
            answers.append((browser.page.url, browser.page.status, browser.page.text))
    assert answers[0] == answers[1]
    await mailbox.next_to(f"{username}@example.com")


@pytest.mark.s(45)
async def test_password_reset_link_has_the_issuer_host_when_the_host_header_differs(
    system: Stack, browser: Browser, mailbox: Mailbox
) -> None:
    username, _ = await new_user(system)
    await browser.open("/password/forgotten")
    form = browser.page.form_with("forgotten-submit").fields | {"identifier": username, "choice": "send"}
    for name in ("Host", "X-Forwarded-Host", "X-Original-URL"):
        browser.client.headers[name] = "evil.example"
    await browser.client.post("/password/forgotten", data=form)
    email = await mailbox.next_to(f"{username}@example.com")
    assert "evil.example" not in email.as_string()
    assert link_in(email).startswith(f"{system.issuer}/")

"""A new user creates an account and signs in."""

import secrets

from tests.support.browser import Browser
from tests.support.mailbox import Mailbox, link_in
from tests.support.stack import Stack


async def test_new_user_creates_an_account(system: Stack, browser: Browser, mailbox: Mailbox) -> None:
    address = f"{secrets.token_hex(6)}@example.com"
    await browser.open("/sign-up")
    assert (await browser.submit("sign-up-submit", address=address)).name == "sign-up-sent"
    assert (await browser.open(link_in(await mailbox.next_to(address)))).name == "sign-up-complete"
    page = await browser.submit("sign-up-submit", name="New User", new_password="correct horse battery staple")
    assert page.name == "sign-up-done"
    await browser.open("/account")
    page = await browser.sign_in(address, "correct horse battery staple")
    assert page.name == "account"
    assert "New User" in page.text

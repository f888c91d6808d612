"""A user confirms an email address, and applications get email_verified."""

import pytest

from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.stack import Stack


@pytest.mark.s(51, 52)
async def test_new_email_address_takes_effect_after_confirmation(
    system: Stack, browser: Browser, mailbox: Mailbox
) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, username=username, scope="openid email")
        before = (await client.userinfo(token["access_token"])).json()
        assert (before["email"], before["email_verified"]) == (f"{username}@example.com", False)
        await browser.open("/account/address")
        page = await browser.submit("address-change", new_address=f"{username}@new.example")
        assert page.name == "account-address-sent"
        link = link_in(await mailbox.next_to(f"{username}@new.example"))
        async with Browser(system.issuer) as elsewhere:  # a mail scanner or another user that opens the link
            assert (await elsewhere.open(link)).name == "login"
        assert (await client.userinfo(token["access_token"])).json() == before
        assert (await browser.open(link)).name == "account-address-confirm"
        page = await browser.submit("address-confirm")
        assert "email address is confirmed" in page.text
        after = (await client.userinfo(token["access_token"])).json()
        assert (after["email"], after["email_verified"]) == (f"{username}@new.example", True)
        assert "was changed" in text_of(await mailbox.next_to(f"{username}@example.com"))

"""Pages that send emails, and pages behind the links in emails."""

import secrets

from tests.browser.scenes import Stage, scene
from tests.support.mailbox import link_in


async def follow_email(stage: Stage, address: str) -> None:
    assert stage.mailbox
    await stage.page.goto(link_in(await stage.mailbox.next_to(address)))


async def forgotten(stage: Stage) -> None:
    await stage.sign_in()
    await stage.page.context.clear_cookies()
    await stage.open("/password/forgotten")
    await stage.page.fill("#identifier", stage.username)
    await stage.page.click("#forgotten-submit")
    await stage.page.wait_for_selector("main[data-page=password-sent]")


@scene("password-forgotten")
async def _password_forgotten(stage: Stage) -> None:
    await stage.open("/password/forgotten")


@scene("password-sent")
async def _password_sent(stage: Stage) -> None:
    await forgotten(stage)


@scene("password-reset")
async def _password_reset(stage: Stage) -> None:
    await forgotten(stage)
    await follow_email(stage, f"{stage.username}@example.com")


@scene("password-reset-done")
async def _password_reset_done(stage: Stage) -> None:
    await forgotten(stage)
    await follow_email(stage, f"{stage.username}@example.com")
    await stage.page.fill("#new-password", "violet harbour lantern 42")
    await stage.page.click("#password-submit")


@scene("account-address")
async def _address(stage: Stage) -> None:
    await stage.sign_in("/account/address")


@scene("account-address-sent")
async def _address_sent(stage: Stage) -> None:
    await stage.sign_in("/account/address")
    await stage.page.fill("#new-address", f"{stage.username}-new@example.com")
    await stage.page.click("#address-change")


@scene("account-address-confirm")
async def _address_confirm(stage: Stage) -> None:
    await _address_sent(stage)
    await follow_email(stage, f"{stage.username}-new@example.com")


async def signing_up(stage: Stage) -> str:
    """Requests sign-up with a new address; returns the address."""
    address = f"{secrets.token_hex(6)}@example.com"
    await stage.open("/sign-up")
    await stage.page.fill("#address", address)
    await stage.page.click("#sign-up-submit")
    await stage.page.wait_for_selector("main[data-page=sign-up-sent]")
    return address


@scene("sign-up")
async def _sign_up(stage: Stage) -> None:
    await stage.open("/sign-up")


@scene("sign-up-sent")
async def _sign_up_sent(stage: Stage) -> None:
    await signing_up(stage)


@scene("sign-up-complete")
async def _sign_up_complete(stage: Stage) -> None:
    await follow_email(stage, await signing_up(stage))


@scene("sign-up-done")
async def _sign_up_done(stage: Stage) -> None:
    await follow_email(stage, await signing_up(stage))
    await stage.page.fill("#new-password", "violet harbour lantern 42")
    await stage.page.click("#sign-up-submit")

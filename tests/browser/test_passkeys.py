"""Passkeys in Chromium with its virtual authenticator: added, used as second step, and alone."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.virtual_authenticator import VirtualAuthenticator
from tests.flows.users import new_user
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")


@pytest.fixture
async def screen(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    await context.close()
    assert faults == []  # violations of the content security policy are reported here as well


async def signed_in(page: Page, stack: Stack) -> str:
    username, _ = await new_user(stack)
    await page.goto(f"{stack.issuer}/account")
    await page.fill("#username", username)
    await page.fill("#password", f"{username}-password")
    await page.click("#login-submit")
    await expect(page.locator("main[data-page=account]")).to_be_visible()
    return username


async def with_passkey(page: Page, stack: Stack) -> str:
    username = await signed_in(page, stack)
    await page.click("#add-passkey")
    await page.fill("#passkey-name", "My laptop")
    await page.click("#passkey-submit")
    await expect(page.locator("main[data-page=account-recovery-codes]")).to_be_visible()
    await page.goto(f"{stack.issuer}/account")
    await expect(page.get_by_role("strong").filter(has_text="My laptop")).to_be_visible()
    return username


async def sign_out(page: Page, stack: Stack) -> None:
    await page.goto(f"{stack.issuer}/logout")
    await page.click("#logout-confirm")
    await expect(page.locator("main[data-page=signed-out]")).to_be_visible()


@pytest.mark.s(48)
async def test_passkey_is_added_and_used_as_second_step(stack: Stack, screen: Page) -> None:
    authenticator = await VirtualAuthenticator.of(screen)
    username = await with_passkey(screen, stack)
    assert [each["isResidentCredential"] for each in await authenticator.passkeys()] == [True]
    await sign_out(screen, stack)
    await authenticator.answers(by_itself=False)
    await screen.goto(f"{stack.issuer}/account")
    await screen.fill("#username", username)
    await screen.fill("#password", f"{username}-password")
    await screen.click("#login-submit")
    await expect(screen.locator("main[data-page=second-step]")).to_be_visible()
    await authenticator.answers(by_itself=True)
    await screen.click("#passkey-submit")
    await expect(screen.locator("main[data-page=account]")).to_be_visible()


@pytest.mark.s(48)
async def test_passkey_button_signs_in_without_a_password(stack: Stack, screen: Page) -> None:
    authenticator = await VirtualAuthenticator.of(screen)
    await with_passkey(screen, stack)
    await sign_out(screen, stack)
    await authenticator.answers(by_itself=False)
    await screen.goto(f"{stack.issuer}/account")
    await expect(screen.locator("#username")).to_have_attribute("autocomplete", "username webauthn")
    await authenticator.answers(by_itself=True)
    await screen.click("#passkey-submit")
    await expect(screen.locator("main[data-page=account]")).to_be_visible()


@pytest.mark.s(48)
async def test_passkey_autofill_signs_in_from_the_username_field(stack: Stack, screen: Page) -> None:
    await VirtualAuthenticator.of(screen)
    await with_passkey(screen, stack)
    await sign_out(screen, stack)
    await screen.goto(f"{stack.issuer}/account")  # the virtual authenticator chooses by itself
    await expect(screen.locator("main[data-page=account]")).to_be_visible()


@pytest.mark.s(48)
async def test_passkey_without_user_verification_does_not_sign_in_alone(stack: Stack, screen: Page) -> None:
    authenticator = await VirtualAuthenticator.of(screen)
    await with_passkey(screen, stack)
    await sign_out(screen, stack)
    await authenticator.verifies(user=False)
    await screen.goto(f"{stack.issuer}/account")
    await screen.click("#passkey-submit")
    await expect(screen.locator("#passkey-problem")).to_be_visible()
    await expect(screen.locator("main[data-page=login]")).to_be_visible()


async def test_same_authenticator_is_not_added_twice(stack: Stack, screen: Page) -> None:
    await VirtualAuthenticator.of(screen)
    await with_passkey(screen, stack)
    await screen.click("#add-passkey")
    await screen.click("#passkey-submit")
    await expect(screen.locator("#passkey-problem")).to_be_visible()


async def test_other_factors_work_without_scripts(stack: Stack, chromium: Browser) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await signed_in(page, stack)
    await page.click("#add-passkey")
    await expect(page.locator("#passkey-missing")).to_be_visible()
    await expect(page.locator("#passkey-submit")).to_be_hidden()
    await page.click("#passkey-back")
    await expect(page.locator("main[data-page=account]")).to_be_visible()
    await context.close()

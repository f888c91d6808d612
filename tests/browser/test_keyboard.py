"""The pages work without a mouse: Tab reaches every control, focus is visible, Enter activates."""

import pytest
from playwright.async_api import Browser, Page

from tests.browser.scenes import Stage
from tests.flows.users import new_user
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")


async def reached(page: Page, identifier: str) -> None:
    """Presses Tab until the element has the focus, and checks that the focus is visible."""
    for _ in range(20):
        if await page.evaluate("document.activeElement.id") == identifier:
            break
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == identifier
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_sign_in_and_consent_work_with_the_keyboard(stack: Stack, chromium: Browser) -> None:
    page = await (await chromium.new_context(locale="en-GB")).new_page()
    stage = Stage(stack, page)
    username, _ = await new_user(stack)
    await stage.ask(to=f"{stack.client_edge}/callback", prompt="consent")
    await page.keyboard.type(username)  # the first field has the focus already
    await reached(page, "password")
    await page.keyboard.type(f"{username}-password")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("main[data-page=consent]")
    await reached(page, "consent-allow")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{stack.client_edge}/callback?*code=*")


async def test_language_choice_works_with_the_keyboard(stack: Stack, chromium: Browser) -> None:
    page = await (await chromium.new_context(locale="en-GB")).new_page()
    await Stage(stack, page).ask()
    await reached(page, "language-de")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("html[lang=de] main[data-page=login]")

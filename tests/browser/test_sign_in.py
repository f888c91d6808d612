"""A user signs in to the playground in Chromium: real pages, a real client, real redirects."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

pytestmark = pytest.mark.xdist_group("sqlite")

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"


async def test_user_signs_in_to_the_playground_and_signs_out(page: Page, playground: str) -> None:
    await page.goto(playground)
    await page.click("#run-code")
    await expect(page.locator("main[data-page=login]")).to_be_visible()

    await page.fill("#username", "alice")
    await page.fill("#password", "not-her-password")
    await page.click("#login-submit")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("#username")).to_have_value("alice")

    await page.fill("#password", "alice-password")
    await page.click("#login-submit")
    if await page.locator("main[data-page=consent]").count():
        await page.click("#consent-allow")
    await expect(page.locator("#signed-in-as")).to_contain_text("Alice")
    await page.set_viewport_size({"width": 1200, "height": 900})
    await page.screenshot(path=PICTURES / "playground.en.light.screen.png")

    await page.click("#run-second")
    if await page.locator("main[data-page=consent]").count():
        await page.click("#consent-allow")
    await expect(page.locator("main[data-page=login]")).to_have_count(0)  # single sign-on: no password again

    await page.goto(playground)
    await page.click("#run-logout")
    if await page.locator("#logout-confirm").count():
        await page.click("#logout-confirm")
    await page.goto(playground)
    await expect(page.locator("#signed-in-as")).to_have_count(0)


async def test_password_grant_client_signs_in_without_a_page(page: Page, playground: str) -> None:
    await page.goto(playground)
    await page.click("#run-password")
    await expect(page.locator("#signed-in-as")).to_contain_text("Alice")
    await expect(page.locator("#password .problem")).to_have_count(0)

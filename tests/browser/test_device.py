"""A device is connected from another browser; the device's page reloads by itself, also without JavaScript."""

import pytest
from playwright.async_api import Browser, Page, expect

pytestmark = pytest.mark.xdist_group("sqlite")


async def test_device_page_continues_after_approval_in_another_browser(
    page: Page, chromium: Browser, playground: str
) -> None:
    await page.goto(playground)
    await page.click("#run-device")
    await expect(page.locator("svg.qr path")).to_be_visible()
    link = await page.get_attribute("#user-code-link", "href")
    assert link

    elsewhere = await (await chromium.new_context()).new_page()
    await elsewhere.goto(link)
    await elsewhere.fill("#username", "alice")
    await elsewhere.fill("#password", "alice-password")
    await elsewhere.click("#login-submit")
    await elsewhere.click("#device-continue")
    await elsewhere.click("#device-allow")
    await expect(elsewhere.locator("main[data-page=device-done]")).to_be_visible()

    await expect(page.locator("#signed-in-as")).to_contain_text("Alice", timeout=20_000)

"""Front-channel responses at the playground: implicit, form post and hybrid."""

import pytest
from playwright.async_api import Browser, Page, Route, expect

pytestmark = pytest.mark.xdist_group("sqlite")


async def sign_in(page: Page, playground: str, flow: str) -> None:
    """Signs in and consents, up to the authorization response."""
    await page.goto(playground)
    await page.click(f"#run-{flow}")
    await page.fill("#username", "alice")
    await page.fill("#password", "alice-password")
    await page.click("#login-submit")
    if await page.locator("main[data-page=consent]").count():
        await page.click("#consent-allow")


@pytest.mark.parametrize("flow", ["form-post", "hybrid"])
async def test_form_post_response_signs_in(page: Page, playground: str, flow: str) -> None:
    await sign_in(page, playground, flow)
    if await page.locator("#form-post-submit").count():  # without scripts
        await page.click("#form-post-submit")
    await expect(page.locator("#signed-in-as")).to_contain_text("Alice")
    card = page.locator(f"#{flow}")
    await expect(card.locator(".problem")).to_have_count(0)
    await expect(card.locator("[data-step=id-token]").first).to_contain_text("nonce matches the request")


async def test_fragment_response_is_read_by_a_script(chromium: Browser, playground: str) -> None:
    page = await (await chromium.new_context(locale="en-GB")).new_page()
    await sign_in(page, playground, "implicit")
    await expect(page.locator("#signed-in-as")).to_contain_text("Alice")
    await expect(page.locator("#implicit [data-step=id-token]")).to_contain_text("at_hash matches")


async def test_fragment_is_removed_from_the_url_first(chromium: Browser, playground: str) -> None:
    page = await (await chromium.new_context(locale="en-GB")).new_page()
    callback = f"{playground}/callback/implicit"

    async def stay_on_the_page(route: Route) -> None:
        await (route.fulfill(status=204) if route.request.method == "POST" else route.continue_())

    await page.route(callback, stay_on_the_page)
    seen: list[str] = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    await sign_in(page, playground, "implicit")
    await expect(page).to_have_url(callback)
    assert any(url.startswith(f"{callback}#access_token=") for url in seen)


async def test_implicit_flow_shows_a_message_without_scripts(chromium: Browser, playground: str) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await sign_in(page, playground, "implicit")
    await expect(page.locator("#no-script")).to_be_visible()
    await page.goto(playground)
    await expect(page.locator("#signed-in-as")).to_have_count(0)


@pytest.mark.parametrize("path", ["/", "/which-flow", "/which-flow?who=person&where=page&library=implicit"])
async def test_playground_pages_fit_a_phone(chromium: Browser, playground: str, path: str) -> None:
    page = await (await chromium.new_context(viewport={"width": 360, "height": 740})).new_page()
    await page.goto(playground)
    await page.click("#run-password")  # fills the page
    await page.goto(playground + path)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360

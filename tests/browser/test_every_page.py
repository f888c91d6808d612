"""Every page in every language, in English also in dark mode and on a desktop: checked by axe, with a screenshot.

The screenshots are in build/screenshots/.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize

from libs.languages.language import ENGLISH, LANGUAGES, Language
from tests.browser import scenes_of_account, scenes_of_emails, scenes_of_factors
from tests.browser.scenes import SCENES, Stage
from tests.support.mailbox import Mailbox, open_mailbox
from tests.support.stack import Stack

pytestmark = [pytest.mark.xdist_group("sqlite"), pytest.mark.timeout(900)]

assert scenes_of_account
assert scenes_of_factors
assert scenes_of_emails  # the import adds their scenes
ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "screenshots"
SCREEN: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
Look = tuple[Literal["light", "dark"], Literal["screen", "phone"]]
LOOKS: Sequence[Look] = (("light", "phone"), ("light", "screen"), ("dark", "phone"))
OPTIONS = {"resultTypes": ["violations"]}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
async def test_every_page_passes_axe_and_fits_the_screen(
    stack: Stack, chromium: Browser, mailbox: Mailbox, language: Language
) -> None:
    problems: list[str] = []
    looks = LOOKS if language is ENGLISH else LOOKS[:1]
    async with one_browser(chromium, language) as fresh:
        for name, (expected, way) in SCENES.items():
            page = await fresh()
            await way(Stage(stack, page, mailbox=mailbox))
            shown = await page.get_attribute("main", "data-page")
            problems += [] if shown == expected else [f"{name}: this is the page {shown}"]
            assert await page.get_attribute("html", "lang") == language.tag
            problems += [f"{name}: {problem}" for problem in await looked_at(page, f"{name}.{language.tag}", looks)]
    assert problems == []


@asynccontextmanager
async def one_browser(chromium: Browser, language: Language) -> AsyncIterator[Callable[[], Awaitable[Page]]]:
    """Yields a function that opens a page without cookies. One context for all pages is faster than one for each."""
    context = await chromium.new_context(locale=language.tag, viewport=SCREEN, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    last: list[Page] = []

    async def fresh() -> Page:
        page = await context.new_page()  # also removes what was attached to the last page, such as an authenticator
        while last:
            await last.pop().close()
        await context.clear_cookies()
        last.append(page)
        return page

    yield fresh
    await context.close()


@pytest.fixture
async def mailbox(stack: Stack) -> AsyncIterator[Mailbox]:
    async with open_mailbox(port=stack.layout.ports.mail.number) as opened:
        yield opened


async def looked_at(page: Page, name: str, looks: Sequence[Look]) -> list[str]:
    """Returns the problems of the page in each look, and saves a screenshot of each."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    problems = []
    for scheme, device in looks:
        viewport = SCREEN if device == "screen" else PHONE
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size(viewport)
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=PICTURES / f"{name}.{scheme}.{device}.png", full_page=True)
        width = await page.evaluate("document.documentElement.scrollWidth")
        problems += [] if width <= viewport["width"] else [f"{width} wide on a {device}"]
        problems += [f"{scheme}, {device}: {problem}" for problem in await violations(page)]
    return problems


async def violations(page: Page) -> list[str]:
    """Returns the rules of axe-core that elements break, with best practices."""
    found = (await Axe().run(page, options=OPTIONS)).response["violations"]
    return [f"{each['id']}: {json.dumps([node['html'][:200] for node in each['nodes']])}" for each in found]


def test_every_page_has_a_scene() -> None:
    """Every template with a data-page has a scene."""
    templates = (ROOT / "services/authorize_frontend/pages").glob("*.html")
    pages = {page for file in templates for page in re.findall(r'data-page="([a-z-]+)"', file.read_text())}
    assert pages == {page for page, _ in SCENES.values()}


async def test_axe_reports_violations(chromium: Browser) -> None:
    page = await (await chromium.new_context()).new_page()
    await page.set_content(
        '<html lang="en"><title>x</title><main><h1>x</h1><input><p style="color:#ccc">faint</p></main>'
    )
    rules = [violation.partition(":")[0] for violation in await violations(page)]
    assert rules == ["color-contrast", "label"]

"""Every page in every language, in English also in the dark and on a wide screen: looked at by axe, and kept.

The pictures are in build/screenshots/, for people to look at.
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
from tests.browser import scenes_of_account, scenes_of_factors, scenes_of_letters
from tests.browser.scenes import SCENES, Stage
from tests.support.mailbox import Mailbox, open_mailbox
from tests.support.stack import Stack

pytestmark = [pytest.mark.xdist_group("sqlite"), pytest.mark.timeout(900)]

assert scenes_of_account
assert scenes_of_factors
assert scenes_of_letters  # they add theirs when they are imported
ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "screenshots"
SCREEN: ViewportSize = {"width": 1280, "height": 900}
TELEPHONE: ViewportSize = {"width": 360, "height": 740}
Look = tuple[Literal["light", "dark"], Literal["screen", "telephone"]]
LOOKS: Sequence[Look] = (("light", "telephone"), ("light", "screen"), ("dark", "telephone"))
OPTIONS = {"resultTypes": ["violations"]}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
async def test_every_page_can_be_used_by_everybody(
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
    """Gives a page without a past, time and again: to open a window for each would take longer than to look at it."""
    context = await chromium.new_context(locale=language.tag, viewport=SCREEN, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    last: list[Page] = []

    async def fresh() -> Page:
        page = await context.new_page()  # with it goes what was attached to the last one, such as an authenticator
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
    """What is wrong with the page as it is, in each of these looks; a picture of each is kept."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    problems = []
    for scheme, device in looks:
        viewport = SCREEN if device == "screen" else TELEPHONE
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size(viewport)
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=PICTURES / f"{name}.{scheme}.{device}.png", full_page=True)
        width = await page.evaluate("document.documentElement.scrollWidth")
        problems += [] if width <= viewport["width"] else [f"{width} wide on a {device}"]
        problems += [f"{scheme}, {device}: {problem}" for problem in await violations(page)]
    return problems


async def violations(page: Page) -> list[str]:
    """Each rule of axe-core that an element breaks, best practices among them."""
    found = (await Axe().run(page, options=OPTIONS)).response["violations"]
    return [f"{each['id']}: {json.dumps([node['html'][:200] for node in each['nodes']])}" for each in found]


def test_no_page_is_left_out() -> None:
    """Each page that a template makes has a scene."""
    templates = (ROOT / "services/authorize_frontend/pages").glob("*.html")
    pages = {page for file in templates for page in re.findall(r'data-page="([a-z-]+)"', file.read_text())}
    assert pages == {page for page, _ in SCENES.values()}


async def test_axe_finds_what_is_wrong(chromium: Browser) -> None:
    page = await (await chromium.new_context()).new_page()
    await page.set_content(
        '<html lang="en"><title>x</title><main><h1>x</h1><input><p style="color:#ccc">faint</p></main>'
    )
    rules = [violation.partition(":")[0] for violation in await violations(page)]
    assert rules == ["color-contrast", "label"]

"""A person signs in to the playground in Chromium: our pages, a real client, the real redirects."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from deploy.local import readiness
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def playground(stack: Stack) -> Iterator[str]:
    """The playground beside the stack, as `make run` starts it."""
    environment = {**os.environ, "LATCHKEY_HOME": str(stack.layout.home.root)}
    port = stack.layout.ports.playground
    with subprocess.Popen([sys.executable, "-m", "deploy.local.playground"], cwd=ROOT, env=environment) as process:
        while not readiness.answers(port):
            assert process.poll() is None, "the playground ended"
        yield f"http://localhost:{port.number}"
        process.terminate()


async def test_alice_signs_in_to_the_playground_and_out_again(page: Page, playground: str) -> None:
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

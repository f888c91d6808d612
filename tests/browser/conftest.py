"""Fixtures for tests in Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from deploy.local import readiness
from tests.support.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine: install the package chromium to run the browser tests")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
async def page(request: pytest.FixtureRequest, chromium: Browser) -> AsyncIterator[Page]:
    """A fresh profile. All pages work without JavaScript as well."""
    context = await chromium.new_context(java_script_enabled=request.param == "with JavaScript", locale="en-GB")
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="module")
def playground(stack: Stack) -> Iterator[str]:
    """The playground beside the stack, as `make run` starts it."""
    environment = {**os.environ, "LATCHKEY_HOME": str(stack.layout.home.root)}
    port = stack.layout.ports.playground
    with subprocess.Popen([sys.executable, "-m", "deploy.playground"], cwd=ROOT, env=environment) as process:
        while not readiness.answers(port):
            assert process.poll() is None, "the playground ended"
        yield f"http://localhost:{port.number}"
        process.terminate()

from collections.abc import AsyncIterator

import pytest

from deploy.playground.config import Playground
from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider
from tests.unit.playground.running import a_playground, free_port, running, serving


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    port = free_port()
    provider = Provider(f"http://localhost:{port}")
    async with serving(provider.app(), port):
        yield provider


@pytest.fixture
async def playground(provider: Provider) -> AsyncIterator[Playground]:
    playground = a_playground(provider.issuer)
    async with running(playground):
        yield playground


@pytest.fixture
async def browser(playground: Playground) -> AsyncIterator[Browser]:
    browser = Browser(playground.address)
    async with browser.client:
        yield browser

"""A system that the tests of this folder share and damage."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.browser import Browser
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("chaos")) as running:
        yield running


@pytest.fixture
async def browser(system: Stack) -> AsyncIterator[Browser]:
    async with Browser(system.issuer) as opened:
        yield opened

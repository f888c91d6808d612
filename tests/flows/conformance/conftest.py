"""Fixtures of a module of the suite: the system, a new browser and a new client."""

import pytest

from tests.flows.conformance.suite import Suite, Variant
from tests.support.browser import Browser
from tests.support.stack import Stack


@pytest.fixture
def system(request: pytest.FixtureRequest, variant: Variant) -> Stack:
    """The plans with the default response mode run on SQLite, those with form post on PostgreSQL."""
    running = request.getfixturevalue("postgresql_stack" if variant.form_post else "stack")
    assert isinstance(running, Stack)
    return running


@pytest.fixture
async def suite(system: Stack, browser: Browser, variant: Variant) -> Suite:
    return await Suite.begin(system, browser, variant)

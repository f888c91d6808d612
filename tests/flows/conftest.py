"""Stories over real HTTP, against five real processes, real NATS, and both databases."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack


@pytest.fixture(
    params=[
        pytest.param("stack", id="sqlite", marks=pytest.mark.xdist_group("sqlite")),
        pytest.param("postgresql_stack", id="postgresql", marks=pytest.mark.xdist_group("postgresql")),
    ]
)
def system(request: pytest.FixtureRequest) -> Stack:
    """The whole system, on SQLite and on PostgreSQL."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, Stack)
    return running


@pytest.fixture
async def browser(system: Stack) -> AsyncIterator[Browser]:
    async with Browser(system.issuer) as opened:
        yield opened


@pytest.fixture
async def web(system: Stack) -> AsyncIterator[RelyingParty]:
    """The confidential demo web application, on unmodified Authlib."""
    async with RelyingParty.of(system, "web") as relying_party:
        yield relying_party


@pytest.fixture
async def second(system: Stack) -> AsyncIterator[RelyingParty]:
    async with RelyingParty.of(system, "second") as relying_party:
        yield relying_party

"""Fixtures for flows over HTTP against running services, NATS and both databases."""

import shutil
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.flows.openid_client import Driver, OpenidClient, Register
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.mailbox import Mailbox, open_mailbox
from tests.support.npm_packages import NODE, PackagesUnavailableError, installed
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
async def mailbox(system: Stack) -> AsyncIterator[Mailbox]:
    """The SMTP server that the system sends emails to."""
    async with open_mailbox(port=system.layout.ports.mail.number) as opened:
        yield opened


@pytest.fixture
async def web(system: Stack) -> AsyncIterator[RelyingParty]:
    """The confidential demo client, with Authlib."""
    async with RelyingParty.of(system, "web") as relying_party:
        yield relying_party


@pytest.fixture
async def second(system: Stack) -> AsyncIterator[RelyingParty]:
    async with RelyingParty.of(system, "second") as relying_party:
        yield relying_party


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of `node` and their packages."""
    try:
        packages = installed()
    except PackagesUnavailableError as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("node")
    for program in NODE.glob("*.mjs"):
        shutil.copy(program, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return folder


@pytest.fixture(scope="session")
def driver(node_folder: Path) -> Iterator[Driver]:
    """The Node.js process with openid-client."""
    running = Driver(node_folder)
    yield running
    running.close()


@pytest.fixture
def register(driver: Driver, system: Stack) -> Register:
    """Registers a client and configures openid-client for it."""
    return partial(OpenidClient.registered, system, driver)

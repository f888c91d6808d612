import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from libs.fetch.errors import FetchRefused
from libs.fetch.fetcher import Fetcher
from libs.fetch.policy import FetchPolicy
from tests.unit.fetch.certificates import Authority
from tests.unit.fetch.outside import HOST, PUBLIC, Names, Respond, Routes, Server, serving

PATIENT = {"total_seconds": 60, "resolve_seconds": 60, "connect_seconds": 60}
"""A busy machine is no reason to fail; tests of a limit set that limit."""


class World:
    """The host `client.test` with a public address, which a fetcher of the default policy may reach."""

    def __init__(self, authority: Authority, routes: Routes, stack: AsyncExitStack) -> None:
        self.authority = authority
        self.routes = routes
        self.names = Names({HOST: [[PUBLIC]]})
        self._stack = stack

    async def host(self, respond: Respond, context: ssl.SSLContext | None = None) -> Server:
        """The server at the public address."""
        server = await self.serve(respond, context or self.authority.server(HOST))
        self.routes.to[PUBLIC] = server.port
        return server

    async def serve(self, respond: Respond, context: ssl.SSLContext | None) -> Server:
        return await self._stack.enter_async_context(serving(respond, context))

    def fetcher(self, **policy: Any) -> Fetcher:
        fetcher = Fetcher(FetchPolicy(**{"extra_ca": self.authority.pem} | PATIENT | policy), resolver=self.names)
        self._stack.push_async_callback(fetcher.close)
        return fetcher

    async def refusal(self, url: str = f"https://{HOST}/", **policy: Any) -> FetchRefused:
        with pytest.raises(FetchRefused) as refusal:
            await self.fetcher(**policy).get(url)
        return refusal.value


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Routes:
    return Routes(monkeypatch)


@pytest.fixture
async def world(authority: Authority, routes: Routes) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(authority, routes, stack)

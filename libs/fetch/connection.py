"""An HTTP client that connects to the checked addresses of one target only."""

import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from libs.fetch.addresses import IPAddress
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.url import Target

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2 (RFC 9325 4.2); all suites of TLS 1.3 are permitted
_READ_AHEAD_BYTES = 16 * 1024
_HEADERS = {"User-Agent": "Latchkey", "Accept-Encoding": "identity"}


def tls_context(extra_ca: Path | None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or newer that verifies the certificate and the host name.

    Raises:
        OSError: the file cannot be read or contains no certificate (ssl.SSLError is an OSError).
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    if extra_ca is not None:
        context.load_verify_locations(cafile=extra_ca)
    return context


@asynccontextmanager
async def pinned_session(
    target: Target, addresses: Sequence[IPAddress], *, tls: ssl.SSLContext, connect_seconds: float
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that connects to these addresses only; SNI and certificate check use the target's host.

    Use it for one request: connections, cookies and name lookups are not reused. The sockets are shut down at the end,
    so that a peer that does not close its side keeps no connection open.
    """
    sockets: list[socket.socket] = []

    def open_socket(where: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = where
        if ip_address(address[0]) not in addresses:  # a second check in case that aiohttp resolves the name itself
            raise FetchRefused(Reason.ADDRESS_FORBIDDEN, "was not checked")
        sockets.append(socket.socket(family, kind, protocol))
        return sockets[-1]

    connector = aiohttp.TCPConnector(
        resolver=_Pinned(target, addresses),
        use_dns_cache=False,
        ssl=tls,
        force_close=True,
        limit=1,
        socket_factory=open_socket,
    )
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            trust_env=False,  # no proxies, no .netrc
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
            read_bufsize=_READ_AHEAD_BYTES,
        ) as session:
            yield session
    finally:
        for opened in sockets:
            with suppress(OSError):  # closed already
                opened.shutdown(socket.SHUT_RDWR)


class _Pinned(AbstractResolver):
    """Resolver that returns the checked addresses without a lookup."""

    def __init__(self, target: Target, addresses: Sequence[IPAddress]) -> None:
        self._target = target
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host != self._target.host:
            raise FetchRefused(Reason.ADDRESS_FORBIDDEN, "is another host")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""

"""An HTTP client that can reach the judged addresses of one target and nothing else."""

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

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # for TLS 1.2 (RFC 9325 4.2); those of TLS 1.3 are all good
_READ_AHEAD_BYTES = 16 * 1024
_HEADERS = {"User-Agent": "Latchkey", "Accept-Encoding": "identity"}


def tls_context(extra_ca: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, the certificate checked against the authorities and the host.

    Raises:
        OSError: when the file cannot be read or has no certificate (ssl.SSLError is one).
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
    """A session whose sockets lead to these addresses, while SNI and certificate check go by the target's host.

    It lives for one request: no connection, cookie or name outlasts it. Its sockets are cut at the end, so that a peer
    who does not close its side holds nothing of ours.
    """
    sockets: list[socket.socket] = []

    def open_socket(where: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = where
        if ip_address(address[0]) not in addresses:  # cannot happen; whatever else changes, this decides
            raise FetchRefused(Reason.ADDRESS_FORBIDDEN, "was not judged")
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
    """Answers with what was judged; asks nobody."""

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
        """Holds nothing."""

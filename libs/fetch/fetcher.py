"""Outbound HTTP requests to URLs that clients and operators choose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from libs.fetch.addresses import IPAddress
from libs.fetch.connection import pinned_session, tls_context
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.policy import FetchPolicy
from libs.fetch.resolver import Resolver, SystemResolver
from libs.fetch.slots import Slots
from libs.fetch.url import Target, parse_target

_T = TypeVar("_T")
_KEPT_HEADERS = ("Cache-Control", "ETag", "Expires")
_EXCERPT_SECONDS = 1.0
_NOT_ENCODED = frozenset({"", "identity"})


@dataclass(frozen=True)
class Fetched:
    """A fetched document."""

    body: bytes
    content_type: str
    """The media type in lower case, without parameters."""
    headers: Mapping[str, str]
    """`cache-control`, `etag` and `expires` of the response, if present."""


@dataclass(frozen=True)
class Posted:
    """The response to a POST."""

    status: int
    """Not 3xx."""
    retry_after: str
    """The Retry-After header; empty: none."""
    excerpt: bytes
    """The beginning of the body that arrived within a second; never decompressed."""


class Fetcher:
    """Fetches from public https addresses with limits on time and size, without redirects, proxies and cookies.

    Args:
        policy: permitted targets and limits.
        resolver: name resolution; by default the system's. The fetcher closes it.

    Raises:
        OSError: extra_ca of the policy cannot be read or contains no certificate.
    """

    def __init__(self, policy: FetchPolicy, *, resolver: Resolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or SystemResolver(policy.max_at_once)
        self._tls = tls_context(policy.extra_ca)
        self._slots = Slots(
            at_once=policy.max_at_once, per_host=policy.max_at_once_per_host, waiting=policy.max_waiting
        )

    async def get(
        self,
        url: str,
        *,
        accept: Sequence[str] = ("application/json",),
        limit: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Fetch a document: status 200, an accepted media type, at most `limit` bytes.

        Args:
            url: https; a fragment is not sent.
            accept: media types in lower case.
            limit: bytes; by default `max_bytes` of the policy.
            headers: additional headers. They must not come from a client.

        Raises:
            FetchRefused: the document could not be fetched.
        """
        max_bytes = self._policy.max_bytes if limit is None else limit

        async def document(response: aiohttp.ClientResponse) -> Fetched:
            if response.status != 200:
                raise FetchRefused(Reason.STATUS, str(response.status))
            content_type = _content_type(response)
            if content_type not in accept:
                raise FetchRefused(Reason.CONTENT_TYPE)
            return Fetched(await _body(response, max_bytes), content_type, _kept_headers(response))

        return await self._exchange("GET", url, document, headers={**(headers or {}), "Accept": ", ".join(accept)})

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int:
        """Post a form. Returns the status, which is not 3xx; the body is not read.

        Raises:
            FetchRefused: no response, or a redirect.
        """

        async def status(response: aiohttp.ClientResponse) -> int:
            return response.status

        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._exchange("POST", url, status, headers=headers, data=urlencode(fields).encode())

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, excerpt: int) -> Posted:
        """Post a body. `excerpt`: limit of bytes to read of the response.

        Raises:
            FetchRefused: no response, or a redirect.
        """

        async def posted(response: aiohttp.ClientResponse) -> Posted:
            return Posted(response.status, response.headers.get("Retry-After", ""), await _beginning(response, excerpt))

        return await self._exchange("POST", url, posted, headers=headers, data=body)

    def check(self, url: str) -> None:
        """Raise FetchRefused if the policy never permits this URL. Does not resolve the name."""
        target = parse_target(url, plain_too=self._policy.loopback)
        self._policy.check_port(target)
        if target.address is not None:
            self._policy.check_addresses(target, [str(target.address)])

    async def close(self) -> None:
        await self._resolver.close()

    async def _exchange(
        self,
        method: str,
        url: str,
        read: Callable[[aiohttp.ClientResponse], Awaitable[_T]],
        *,
        headers: Mapping[str, str],
        data: bytes | None = None,
    ) -> _T:
        deadline = asyncio.get_running_loop().time() + self._policy.total_seconds
        target = parse_target(url, plain_too=self._policy.loopback)
        self._policy.check_port(target)
        async with self._slots.held(target.host, until=deadline):
            with _refusals():
                async with asyncio.timeout_at(deadline):
                    addresses = await self._checked_addresses(target)
                    async with (
                        pinned_session(
                            target, addresses, tls=self._tls, connect_seconds=self._policy.connect_seconds
                        ) as session,
                        session.request(
                            method, URL(str(target), encoded=True), headers=headers, data=data, allow_redirects=False
                        ) as response,
                    ):
                        if 300 <= response.status < 400:
                            raise FetchRefused(Reason.REDIRECT, str(response.status))
                        return await read(response)

    async def _checked_addresses(self, target: Target) -> Sequence[IPAddress]:
        """Resolve the name once; the connection uses these addresses (protects against DNS rebinding)."""
        if target.address is not None:
            return self._policy.check_addresses(target, [str(target.address)])
        try:
            async with asyncio.timeout(self._policy.resolve_seconds):
                found = await self._resolver.resolve(target.host)
        except TimeoutError:
            raise FetchRefused(Reason.TIMEOUT, "resolving the name") from None
        except OSError:
            raise FetchRefused(Reason.UNRESOLVED) from None
        return self._policy.check_addresses(target, found)


@asynccontextmanager
async def open_fetcher(policy: FetchPolicy) -> AsyncIterator[Fetcher]:
    """Open a fetcher and close it at the end."""
    fetcher = Fetcher(policy)
    try:
        yield fetcher
    finally:
        await fetcher.close()


@contextmanager
def _refusals() -> Iterator[None]:
    """Convert errors of the network, of TLS and of HTTP into FetchRefused.

    The causes contain hosts and addresses, so they are not chained.
    """
    try:
        yield
    except TimeoutError:
        raise FetchRefused(Reason.TIMEOUT) from None
    except aiohttp.ClientConnectorCertificateError as error:
        message = str(getattr(error.certificate_error, "verify_message", ""))
        raise FetchRefused(Reason.TLS, message.partition(",")[0]) from None  # the host follows the comma
    except aiohttp.ClientSSLError:
        raise FetchRefused(Reason.TLS) from None
    except (aiohttp.ClientConnectionError, OSError):
        raise FetchRefused(Reason.UNREACHABLE) from None
    except aiohttp.ClientError:
        raise FetchRefused(Reason.PROTOCOL) from None


def _content_type(response: aiohttp.ClientResponse) -> str:
    values = response.headers.getall("Content-Type", [])
    return values[0].partition(";")[0].strip().lower() if len(values) == 1 else ""


def _kept_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    sent = {name: response.headers.getall(name, []) for name in _KEPT_HEADERS}
    return {name.lower(): ", ".join(values) for name, values in sent.items() if values}


async def _beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read at most `limit` bytes, for at most a second. A slow or broken body is not an error."""
    body = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_EXCERPT_SECONDS):
            while len(body) < limit and (chunk := await response.content.read(limit - len(body))):
                body += chunk
    return bytes(body)


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the body without decompression, which could expand it to any size."""
    encodings = response.headers.getall("Content-Encoding", [])
    if not all(encoding.strip().lower() in _NOT_ENCODED for encoding in encodings):
        raise FetchRefused(Reason.CONTENT_ENCODING)
    if response.content_length is not None and response.content_length > limit:
        raise FetchRefused(Reason.TOO_LARGE, "announced")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise FetchRefused(Reason.TOO_LARGE)
    return bytes(body)

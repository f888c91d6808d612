"""The requests that go out to addresses that clients and operators choose."""

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
    """A document."""

    body: bytes
    content_type: str
    """The media type in lower case, without parameters."""
    headers: Mapping[str, str]
    """`cache-control`, `etag` and `expires`, as far as sent."""


@dataclass(frozen=True)
class Posted:
    """What a receiver answered."""

    status: int
    """Not 3xx."""
    retry_after: str
    """That header as sent; empty: none."""
    excerpt: bytes
    """The beginning of the body, as far as it came soon; never decompressed."""


class Fetcher:
    """Fetches from public https addresses: no redirects, no proxies, no cookies, everything bounded.

    Args:
        policy: what may be reached, and at what cost.
        resolver: names to addresses; the system's by default. The fetcher closes it.

    Raises:
        OSError: when the policy's extra_ca cannot be read or holds no certificate.
    """

    def __init__(self, policy: FetchPolicy, *, resolver: Resolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or SystemResolver(policy.most_at_once)
        self._tls = tls_context(policy.extra_ca)
        self._slots = Slots(
            at_once=policy.most_at_once, per_host=policy.most_at_once_per_host, waiting=policy.most_waiting
        )

    async def get(
        self,
        url: str,
        *,
        accept: Sequence[str] = ("application/json",),
        limit: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Reads a document that is answered with 200, one of the accepted media types and at most `limit` bytes.

        Args:
            url: https; a fragment is not sent.
            accept: media types in lower case.
            limit: bytes; the policy's `most_bytes` by default.
            headers: more of them; our own, and never what somebody else chose.

        Raises:
            FetchRefused: whatever goes wrong.
        """
        most = self._policy.most_bytes if limit is None else limit

        async def document(response: aiohttp.ClientResponse) -> Fetched:
            if response.status != 200:
                raise FetchRefused(Reason.STATUS, str(response.status))
            content_type = _content_type(response)
            if content_type not in accept:
                raise FetchRefused(Reason.CONTENT_TYPE)
            return Fetched(await _body(response, most), content_type, _kept_headers(response))

        return await self._exchange("GET", url, document, headers={**(headers or {}), "Accept": ", ".join(accept)})

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int:
        """Posts a form and returns the status of the answer, which is read no further and is not 3xx.

        Raises:
            FetchRefused: when there is no answer, or a redirect.
        """

        async def status(response: aiohttp.ClientResponse) -> int:
            return response.status

        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._exchange("POST", url, status, headers=headers, data=urlencode(fields).encode())

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, excerpt: int) -> Posted:
        """Posts a body. `excerpt`: how many bytes of the answer are worth reading.

        Raises:
            FetchRefused: when there is no answer, or a redirect.
        """

        async def answer(response: aiohttp.ClientResponse) -> Posted:
            return Posted(response.status, response.headers.get("Retry-After", ""), await _beginning(response, excerpt))

        return await self._exchange("POST", url, answer, headers=headers, data=body)

    def check(self, url: str) -> None:
        """Raises FetchRefused when the URL is one that is never fetched, whatever its name resolves to."""
        target = parse_target(url, plain_too=self._policy.loopback)
        self._policy.judge_port(target)
        if target.address is not None:
            self._policy.judge_addresses(target, [str(target.address)])

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
        self._policy.judge_port(target)
        async with self._slots.held(target.host, until=deadline):
            with _refusals():
                async with asyncio.timeout_at(deadline):
                    addresses = await self._judged_addresses(target)
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

    async def _judged_addresses(self, target: Target) -> Sequence[IPAddress]:
        """The one resolution of this fetch; what it says is what is connected to (DNS rebinding)."""
        if target.address is not None:
            return self._policy.judge_addresses(target, [str(target.address)])
        try:
            async with asyncio.timeout(self._policy.resolve_seconds):
                found = await self._resolver.resolve(target.host)
        except TimeoutError:
            raise FetchRefused(Reason.TIMEOUT, "resolving the name") from None
        except OSError:
            raise FetchRefused(Reason.UNRESOLVED) from None
        return self._policy.judge_addresses(target, found)


@asynccontextmanager
async def opened(policy: FetchPolicy) -> AsyncIterator[Fetcher]:
    """A fetcher for the life of a service."""
    fetcher = Fetcher(policy)
    try:
        yield fetcher
    finally:
        await fetcher.close()


@contextmanager
def _refusals() -> Iterator[None]:
    """Every failure of the network, of TLS and of HTTP as a refusal.

    The causes name hosts and addresses, so they do not go along.
    """
    try:
        yield
    except TimeoutError:
        raise FetchRefused(Reason.TIMEOUT) from None
    except aiohttp.ClientConnectorCertificateError as error:
        message = str(getattr(error.certificate_error, "verify_message", ""))
        raise FetchRefused(Reason.TLS, message.partition(",")[0]) from None  # after the comma comes the host
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
    """At most `limit` bytes. The status is what counts: a slow or broken body costs a moment and no more."""
    body = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_EXCERPT_SECONDS):
            while len(body) < limit and (chunk := await response.content.read(limit - len(body))):
                body += chunk
    return bytes(body)


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The bytes as sent. They are never decompressed: a few of them could become any number."""
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

"""Fetches public documents of the issuer, with limits on time and size, without redirects."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

FETCH_SECONDS: Final = 5.0
MAX_BYTES: Final = 256 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_AGE = re.compile(r'(?:^|[,\s])max-age="?(\d{1,9})')
_UNCACHED = re.compile(r"(?:^|[,\s])(?:no-store|no-cache)\b")


class FetchFailed(Exception):
    """The document could not be fetched."""


@dataclass(frozen=True)
class Document:
    """A response to GET: 200 with its body, or 304."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def fresh_for(self, *, default: float) -> float:
        """Return the seconds for which the document is fresh (RFC 9111 4.2.1)."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        control = headers.get("cache-control", "").lower()
        if _UNCACHED.search(control):
            return 0.0
        found = _MAX_AGE.search(control)
        if found is None:
            return default
        age = headers.get("age", "0")
        return max(float(found[1]) - (float(age) if re.fullmatch(r"\d{1,9}", age) else 0.0), 0.0)

    @property
    def etag(self) -> str | None:
        return next((value for name, value in self.headers.items() if name.lower() == "etag"), None)


Fetch = Callable[[str, str | None], Awaitable[Document]]
"""(URL, ETag of the cached document) -> Document. Raises FetchFailed."""


async def fetch(url: str, etag: str | None = None) -> Document:
    """GET, without following redirects.

    Raises:
        FetchFailed: no response in time, a status other than 200 and 304, or a body that is too long.
    """
    headers = {"Accept": "application/json"} | ({"If-None-Match": etag} if etag else {})
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS)) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status == 304 and etag:
                return Document(304, response.headers)
            if response.status != 200:
                raise FetchFailed(f"{url} responded with status {response.status}")
            body = await response.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES + 1 - len(body))):
                body += more
            if len(body) > MAX_BYTES:
                raise FetchFailed(f"{url} is longer than {MAX_BYTES} bytes")
            return Document(200, response.headers, body)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise FetchFailed(f"{url} cannot be fetched: {str(error) or type(error).__name__}") from error


def check_url(url: str, *, insecure_http: bool) -> str:
    """Return the URL if it is https or loopback.

    Raises:
        ValueError: neither https nor loopback.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and (parts.hostname in _LOOPBACK or insecure_http)
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError(f"{url!r} must use https (or set insecure_http=True in an isolated network)")
    return url

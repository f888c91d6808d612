"""A cache of fetched documents, such as the key sets of clients (`jwks_uri`)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetched

T = TypeVar("T")
Found = TypeVar("Found")


@dataclass
class _Entry(Generic[T]):
    outcome: T | FetchRefused
    fresh_until: float
    renewed_at: float = float("-inf")
    """Time of the last repeated fetch because something was missing in the document."""


class CachedDocuments(Generic[T]):
    """Fetches documents, parses them once, and caches them by their Cache-Control, at most for `max_age` seconds.

    There is one fetch per URL at a time; concurrent callers share it. After a failure the URL is not fetched during the
    cool-down, and a document that lacks something is fetched again at most once per cool-down. A stale document is
    never used.

    Args:
        fetch: for example `partial(fetcher.get, accept=("application/json", "application/jwk-set+json"))`.
        parse: raises for an invalid document; the caller gets the exception, and it is not cached.
        max_age: seconds, counted from before the fetch. The OpenID conformance suite replaces a client's keys and waits
            60 s, so the default is less.
        cool_down: seconds.
        max_documents: limit of cached documents; the least recently used one is dropped.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Fetched]],
        parse: Callable[[bytes], T],
        *,
        max_age: float = 30,
        cool_down: float = 5,
        max_documents: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._parse = parse
        self._max_age = max_age
        self._cool_down = cool_down
        self._max_documents = max_documents
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._flights: dict[str, asyncio.Task[T]] = {}

    async def get(self, url: str) -> T:
        """Return the document, cached or fetched.

        Raises:
            FetchRefused: the document could not be fetched.
        """
        entry = self._fresh(url)
        return await self._fetched(url) if entry is None else _document(entry)

    async def find(self, url: str, look: Callable[[T], Found | None]) -> Found | None:
        """Return what `look` finds in the document. If a cached one lacks it (an unknown `kid`), fetch it again.

        Raises:
            FetchRefused: the document could not be fetched.
        """
        entry = self._fresh(url)
        if entry is None:
            return look(await self._fetched(url))
        found = look(_document(entry))
        if found is None and (url in self._flights or self._may_renew(entry)):
            return look(await self._fetched(url))
        return found

    async def close(self) -> None:
        """Cancel open fetches."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _fresh(self, url: str) -> _Entry[T] | None:
        entry = self._entries.get(url)
        if entry is None or entry.fresh_until <= self._clock():
            return None
        self._entries.move_to_end(url)
        return entry

    def _may_renew(self, entry: _Entry[T]) -> bool:
        now = self._clock()
        if now - entry.renewed_at < self._cool_down:
            return False
        entry.renewed_at = now
        return True

    async def _fetched(self, url: str) -> T:
        """Join the open fetch or start one. It continues if this caller is cancelled."""
        flight = self._flights.get(url)
        if flight is None:
            flight = asyncio.create_task(self._fly(url))
            self._flights[url] = flight
            flight.add_done_callback(lambda done: self._landed(url, done))
        return await asyncio.shield(flight)

    def _landed(self, url: str, flight: asyncio.Task[T]) -> None:
        del self._flights[url]
        if not flight.cancelled():
            flight.exception()  # retrieve the exception: all callers may have been cancelled

    async def _fly(self, url: str) -> T:
        began = self._clock()
        try:
            fetched = await self._fetch(url)
        except FetchRefused as refusal:
            if refusal.reason is not Reason.BUSY and self._fresh(url) is None:
                self._keep(url, refusal, until=self._clock() + self._cool_down)
            raise
        document = self._parse(fetched.body)
        self._keep(url, document, until=began + lifetime(fetched.headers.get("cache-control", ""), self._max_age))
        return document

    def _keep(self, url: str, outcome: T | FetchRefused, *, until: float) -> None:
        known = self._entries.pop(url, None)
        self._entries[url] = _Entry(outcome, until) if known is None else _Entry(outcome, until, known.renewed_at)
        while len(self._entries) > self._max_documents:
            self._entries.popitem(last=False)


def _document(entry: _Entry[T]) -> T:
    if isinstance(entry.outcome, FetchRefused):
        raise FetchRefused(entry.outcome.reason, entry.outcome.detail)
    return entry.outcome


def lifetime(cache_control: str, max_age: float) -> float:
    """Return the seconds for which a document may be cached (RFC 9111 5.2.2); 0 if malformed (4.2.1)."""
    seconds = max_age
    for directive in cache_control.lower().split(","):
        name, _, value = (part.strip() for part in directive.partition("="))
        if name in {"no-store", "no-cache"}:
            return 0
        if name == "max-age":
            age = value.strip('"')
            seconds = min(seconds, float(age) if age.isascii() and age.isdecimal() else 0)
    return seconds

"""Implements the Post port: sends one request through the guarded fetcher (docs/security.md, S43)."""

import time
from collections.abc import Mapping

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetcher
from libs.servicekit.base.clock import Clock
from services.event_bridge.domain.deliveries import AttemptResult, parse_retry_after
from services.event_bridge.domain.excerpts import MAX_EXCERPT, excerpt


class FetcherPost:
    def __init__(self, fetcher: Fetcher, *, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> AttemptResult:
        began = time.perf_counter()
        try:
            posted = await self._fetcher.post(url, body, headers, excerpt=4 * MAX_EXCERPT)
        except FetchRefused as refusal:
            return AttemptResult(
                status=None,
                error=refusal.reason.value,
                milliseconds=_since(began),
                not_sent=refusal.reason is Reason.BUSY,
            )
        return AttemptResult(
            status=posted.status,
            retry_after=parse_retry_after(posted.retry_after, now=self._clock.now()),
            excerpt=excerpt(posted.excerpt),
            milliseconds=_since(began),
        )


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)

"""The Post port: one request through the guarded fetcher (S43), and what came of it."""

import time
from collections.abc import Mapping

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetcher
from libs.servicekit.base.clock import Clock
from services.event_bridge.domain.deliveries import Answer, read_retry_after
from services.event_bridge.domain.excerpts import LONGEST, excerpt


class FetcherPost:
    def __init__(self, fetcher: Fetcher, *, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        began = time.perf_counter()
        try:
            posted = await self._fetcher.post(url, body, headers, excerpt=4 * LONGEST)
        except FetchRefused as refusal:
            return Answer(
                status=None,
                error=refusal.reason.value,
                milliseconds=_since(began),
                ours=refusal.reason is Reason.BUSY,
            )
        return Answer(
            status=posted.status,
            retry_after=read_retry_after(posted.retry_after, now=self._clock.now()),
            excerpt=excerpt(posted.excerpt),
            milliseconds=_since(began),
        )


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)

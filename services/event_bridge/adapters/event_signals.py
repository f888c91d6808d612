"""Wakes the streams of this process when there is something new, whoever took it."""

import asyncio
from contextlib import suppress

from libs.oauth.errors import TemporarilyUnavailable
from services.event_bridge.usecases.read_events import ReadEvents

LOOK_SECONDS = 1.0
"""How long it takes at most until a stream shows what another replica has taken."""


class News:
    """`run` is a background task: one look for all streams."""

    def __init__(self, read: ReadEvents) -> None:
        self._read = read
        self._latest = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._look = asyncio.Event()
        self.over = False
        """The process stops: streams end, and their readers go on at another replica."""

    def wake(self) -> None:
        """This process has taken something."""
        self._look.set()

    def end(self) -> None:
        self.over = True
        self._tell()

    async def run(self) -> None:
        while True:
            self._look.clear()
            with suppress(TemporarilyUnavailable):
                newest = await self._read.newest() if self._waiting else self._latest
                if newest != self._latest:
                    self._latest = newest
                    self._tell()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_SECONDS)

    async def after(self, position: int, *, seconds: float) -> None:
        """Returns when there may be something after `position`, or after so many seconds."""
        if self._latest > position or self.over:
            return
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(news)
        self._look.set()  # what came while nobody waited
        try:
            await asyncio.wait([news], timeout=seconds)
        finally:
            self._waiting.discard(news)

    def _tell(self) -> None:
        for news in self._waiting:
            if not news.done():
                news.set_result(None)

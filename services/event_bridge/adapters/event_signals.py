"""Wakes the event streams of this process when this or another replica has stored new events."""

import asyncio
from contextlib import suppress

from libs.oauth.errors import TemporarilyUnavailable
from services.event_bridge.usecases.read_events import ReadEvents

POLL_SECONDS = 1.0
"""Interval of the database query. An event that another replica stored reaches a stream after at most this time."""


class EventSignals:
    """`run` is a background task: one query for all streams of the process."""

    def __init__(self, read: ReadEvents) -> None:
        self._read = read
        self._latest = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._wake = asyncio.Event()
        self.stopped = False
        """The process stops: streams end, and their readers reconnect to another replica."""

    def wake(self) -> None:
        """This process has stored events: query at once."""
        self._wake.set()

    def stop(self) -> None:
        self.stopped = True
        self._notify()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            with suppress(TemporarilyUnavailable):
                newest = await self._read.newest() if self._waiting else self._latest
                if newest != self._latest:
                    self._latest = newest
                    self._notify()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def wait_after(self, position: int, *, seconds: float) -> None:
        """Return when there may be an event after `position`, or after `seconds`."""
        if self._latest > position or self.stopped:
            return
        signal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(signal)
        self._wake.set()  # `run` does not query while no stream waits
        try:
            await asyncio.wait([signal], timeout=seconds)
        finally:
            self._waiting.discard(signal)

    def _notify(self) -> None:
        for signal in self._waiting:
            if not signal.done():
                signal.set_result(None)

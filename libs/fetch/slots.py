"""Limits of concurrent fetches, in total and for one host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.fetch.errors import FetchRefused, Reason


@dataclass
class _Lane:
    """The slots of one host; it exists while it is in use."""

    free: asyncio.Semaphore
    users: int = 0


class Slots:
    """Limits running and waiting fetches.

    A fetch takes a slot of its host first and then a common slot, so fetches that wait for a slow host do not block
    those to other hosts.
    """

    def __init__(self, *, at_once: int, per_host: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._per_host = per_host
        self._max_users = at_once + waiting
        self._users = 0
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def held(self, host: str, *, until: float) -> AsyncIterator[None]:
        """Hold a slot for the host; wait for it until this time of the event loop.

        Raises:
            FetchRefused: BUSY.
        """
        if self._users >= self._max_users:
            raise FetchRefused(Reason.BUSY, "too many fetches are waiting")
        lane = self._lanes.setdefault(host, _Lane(asyncio.Semaphore(self._per_host)))
        self._users += 1
        lane.users += 1
        try:
            await self._take(lane, until=until)
            try:
                yield
            finally:
                self._free.release()
                lane.free.release()
        finally:
            self._users -= 1
            lane.users -= 1
            if not lane.users:
                del self._lanes[host]

    async def _take(self, lane: _Lane, *, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await lane.free.acquire()
                try:
                    await self._free.acquire()
                except BaseException:
                    lane.free.release()
                    raise
        except TimeoutError:
            raise FetchRefused(Reason.BUSY, "no slot in time") from None

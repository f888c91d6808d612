"""Polls in this process that wait for the decision of a user."""

import asyncio
from collections import OrderedDict
from datetime import timedelta

CAPACITY = 10_000
"""Maximum number of waiting polls. Further polls are answered at once."""
_MAX_RECENT = 1_000


class WaitingPolls:
    """`wake` is called for every decision: by the use case in this process, and by events of other replicas.

    The ids of recent decisions are kept, so that a poll also returns at once if the decision came after the poll read
    the database and before it began to wait.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self._recent: OrderedDict[str, None] = OrderedDict()

    def wake(self, code_id: str) -> None:
        """Wake the polls that wait for this code."""
        self._recent[code_id] = None
        if len(self._recent) > _MAX_RECENT:
            self._recent.popitem(last=False)
        for event in self._waiting.get(code_id, ()):
            event.set()

    async def wait(self, code_id: str, limit: timedelta) -> bool:
        """Return True when the code is woken (or was woken recently), False after `limit` or if CAPACITY is reached."""
        if code_id in self._recent:
            return True
        if limit <= timedelta() or self._count >= CAPACITY:
            return False
        event = asyncio.Event()
        self._enter(code_id, event)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await event.wait()
        except TimeoutError:
            return False
        finally:
            self._leave(code_id, event)

    def _enter(self, code_id: str, event: asyncio.Event) -> None:
        self._count += 1
        self._waiting.setdefault(code_id, set()).add(event)

    def _leave(self, code_id: str, event: asyncio.Event) -> None:
        self._count -= 1
        others = self._waiting[code_id]
        others.discard(event)
        if not others:
            del self._waiting[code_id]

"""Polls that wait, in this process, for a person to decide."""

import asyncio
from collections import OrderedDict
from datetime import timedelta

CAPACITY = 10_000
"""Polls beyond it are answered at once, as those are that do not ask to wait."""
_REMEMBERED = 1_000


class WaitingRoom:
    """Called for every decision: by the use case that makes it, and by the bus for what other replicas decided.

    What was called lately is remembered, so that a decision that falls between a poll's look at the database and its
    waiting is not slept through.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._occupied = 0
        self._called: OrderedDict[str, None] = OrderedDict()

    def call(self, code_id: str) -> None:
        """Wakes who waits for this one: its state is worth a look."""
        self._called[code_id] = None
        if len(self._called) > _REMEMBERED:
            self._called.popitem(last=False)
        for event in self._waiting.get(code_id, ()):
            event.set()

    async def wait(self, code_id: str, most: timedelta) -> bool:
        """True as soon as the code is called (or was a moment ago); False after so long, or when the room is full."""
        if code_id in self._called:
            return True
        if most <= timedelta() or self._occupied >= CAPACITY:
            return False
        event = asyncio.Event()
        self._enter(code_id, event)
        try:
            async with asyncio.timeout(most.total_seconds()):
                return await event.wait()
        except TimeoutError:
            return False
        finally:
            self._leave(code_id, event)

    def _enter(self, code_id: str, event: asyncio.Event) -> None:
        self._occupied += 1
        self._waiting.setdefault(code_id, set()).add(event)

    def _leave(self, code_id: str, event: asyncio.Event) -> None:
        self._occupied -= 1
        others = self._waiting[code_id]
        others.discard(event)
        if not others:
            del self._waiting[code_id]

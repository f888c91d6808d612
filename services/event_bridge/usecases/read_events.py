"""Events for a reader that goes on from where it was."""

from collections.abc import Sequence

from services.event_bridge.ports import Begin, StoredEvent

PAGE = 100


class ReadEvents:
    def __init__(self, view: Begin) -> None:
        self._view = view

    async def newest(self) -> int:
        """Where a reader begins that wants what happens from now on."""
        async with self._view() as work:
            return await work.events.newest()

    async def position_of(self, event_id: str) -> int | None:
        """None: it is not kept, or never was."""
        async with self._view() as work:
            return await work.events.position_of(event_id)

    async def after(self, position: int) -> Sequence[StoredEvent]:
        """The next ones, at most PAGE."""
        async with self._view() as work:
            return await work.events.after(position, limit=PAGE)

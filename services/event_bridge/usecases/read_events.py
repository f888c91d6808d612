"""Reads stored events for the stream, from a position on."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.event_bridge.ports import StoredEvent, View

PAGE = 100


@dataclass(frozen=True, kw_only=True)
class ReadEvents:
    view: View

    async def newest(self) -> int:
        """Return the latest position. A reader that starts here gets only later events."""
        async with self.view() as view:
            return await view.events.newest()

    async def position_of(self, event_id: str) -> int | None:
        """Return None if the event is not stored."""
        async with self.view() as view:
            return await view.events.position_of(event_id)

    async def after(self, position: int) -> Sequence[StoredEvent]:
        """Return the next events, at most PAGE."""
        async with self.view() as view:
            return await view.events.after(position, limit=PAGE)

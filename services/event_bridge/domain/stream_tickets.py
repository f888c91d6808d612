"""A ticket: whoever has it may read a part of the events, for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.event_bridge.domain.filters import Filter, any_matches

PREFIX = "evt_"
SHORTEST_LIFE = timedelta(minutes=1)
LONGEST_LIFE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class StreamTicket:
    ticket_id: str
    filters: Sequence[str]
    created_at: datetime
    expires_at: datetime

    def shows(self, name: str, wanted: Sequence[Filter]) -> bool:
        """Both have to agree: what is asked for narrows what the ticket is for, and never widens it."""
        return any_matches(map(Filter.parse, self.filters), name) and (not wanted or any_matches(wanted, name))

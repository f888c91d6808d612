"""A bearer ticket for the event stream, limited to some events and to a lifetime."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.event_bridge.domain.filters import Filter, any_matches

PREFIX = "evt_"
MIN_LIFETIME = timedelta(minutes=1)
MAX_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class StreamTicket:
    ticket_id: str
    filters: Sequence[str]
    created_at: datetime
    expires_at: datetime

    def permits(self, name: str, requested: Sequence[Filter]) -> bool:
        """Return True if the filters of the ticket and the requested filters, if any, match the event name."""
        return any_matches(map(Filter.parse, self.filters), name) and (not requested or any_matches(requested, name))

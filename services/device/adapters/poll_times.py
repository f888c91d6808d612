"""The time of the latest poll of each code at this process. usecases/record_polls.py writes it to SQL."""

from collections import OrderedDict
from datetime import datetime
from heapq import nsmallest

CAPACITY = 50_000
"""Larger than the default maximum of unexpired codes. Beyond it the oldest entries are dropped; SQL has their times."""


class PollTimes:
    def __init__(self) -> None:
        self._times: OrderedDict[str, datetime] = OrderedDict()
        self._unsaved: dict[str, datetime] = {}

    def last(self, code_id: str) -> datetime | None:
        return self._times.get(code_id)

    def record(self, code_id: str, at: datetime) -> None:
        self._times[code_id] = at
        self._times.move_to_end(code_id)
        self._unsaved[code_id] = at
        if len(self._times) > CAPACITY:
            dropped, _ = self._times.popitem(last=False)
            self._unsaved.pop(dropped, None)

    def unsaved(self, limit: int) -> list[tuple[str, datetime]]:
        """Return polls that are not in SQL yet, ordered by id so that concurrent writers cannot deadlock."""
        return nsmallest(limit, self._unsaved.items())

    def mark_saved(self, polls: list[tuple[str, datetime]]) -> bool:
        """Mark these polls as saved. Returns True if other polls are still unsaved."""
        for code_id, at in polls:
            if self._unsaved.get(code_id) == at:
                del self._unsaved[code_id]
        return bool(self._unsaved)

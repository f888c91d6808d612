"""When each code was last polled, as far as this process knows; usecases/record_polls writes it to SQL."""

from collections import OrderedDict
from datetime import datetime
from heapq import nsmallest

CAPACITY = 50_000
"""More than may be alive. Beyond it the longest unpolled are forgotten, of which SQL still knows."""


class PollTimes:
    def __init__(self) -> None:
        self._times: OrderedDict[str, datetime] = OrderedDict()
        self._unsaved: dict[str, datetime] = {}

    def last(self, code_id: str) -> datetime | None:
        return self._times.get(code_id)

    def note(self, code_id: str, at: datetime) -> None:
        self._times[code_id] = at
        self._times.move_to_end(code_id)
        self._unsaved[code_id] = at
        if len(self._times) > CAPACITY:
            forgotten, _ = self._times.popitem(last=False)
            self._unsaved.pop(forgotten, None)

    def unsaved(self, most: int) -> list[tuple[str, datetime]]:
        """In the order of the ids, so that replicas that write the same ones never wait for each other in a circle."""
        return nsmallest(most, self._unsaved.items())

    def saved(self, polls: list[tuple[str, datetime]]) -> bool:
        """These are in SQL; True when there are more that are not."""
        for code_id, at in polls:
            if self._unsaved.get(code_id) == at:
                del self._unsaved[code_id]
        return bool(self._unsaved)

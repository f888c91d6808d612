"""How much may happen under one key in a while, counted in this process alone: for what is cheaper than a statement."""

from collections import OrderedDict
from datetime import datetime, timedelta
from math import ceil

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason


class Rate:
    """A bucket for each key, full at first and filled again within `refill`; the least used keys are forgotten."""

    def __init__(self, *, size: float, refill: timedelta, reason: Reason, most_keys: int = 10_000) -> None:
        self._size = size
        self._per_second = size / refill.total_seconds()
        self._reason = reason
        self._most_keys = most_keys
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def spend(self, key: str, cost: float, *, now: datetime) -> None:
        """Takes `cost` out of the key's bucket.

        Raises:
            TemporarilyUnavailable: there is not that much in it; nothing is taken, and it says when there will be.
        """
        left, at = self._buckets.get(key, (self._size, now))
        left = min(self._size, left + max((now - at).total_seconds(), 0) * self._per_second)
        if cost > left:
            seconds = (min(cost, self._size) - left) / self._per_second
            raise TemporarilyUnavailable(
                "Too many requests. Please wait.", reason=self._reason, retry_after=max(ceil(seconds), 1)
            )
        self._buckets[key] = (left - cost, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._most_keys:
            self._buckets.popitem(last=False)

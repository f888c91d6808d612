"""In-memory rate limits: token buckets of one process, for requests that must not cost an SQL statement."""

from collections import OrderedDict
from datetime import datetime, timedelta
from math import ceil

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason


class Rate:
    """A token bucket for each key: full at first, refilled within `refill`. Drops the least recently used keys."""

    def __init__(self, *, size: float, refill: timedelta, reason: Reason, max_keys: int = 10_000) -> None:
        self._size = size
        self._per_second = size / refill.total_seconds()
        self._reason = reason
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def consume(self, key: str, cost: float, *, now: datetime) -> None:
        """Take `cost` tokens from the key's bucket.

        Raises:
            TemporarilyUnavailable: the bucket has too few tokens and is unchanged; retry_after says when it has enough.
        """
        left, at = self._buckets.get(key, (self._size, now))
        left = min(self._size, left + max((now - at).total_seconds(), 0) * self._per_second)
        if cost > left:
            seconds = (min(cost, self._size) - left) / self._per_second
            raise TemporarilyUnavailable(
                "Too many requests. Retry later.", reason=self._reason, retry_after=max(ceil(seconds), 1)
            )
        self._buckets[key] = (left - cost, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)

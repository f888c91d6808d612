"""Throttles password attempts, for all use cases that verify a password."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication.domain.sign_in.throttle import Failures, Keys, seconds_to_wait

MAX_ENDED = 1_000
"""Ended attempts that are remembered: many more than end while one request reads its failures."""


class AttemptThrottle:
    """Failures are counted when a guess has failed.

    So attempts count as well that this replica is still looking at, and those that ended after the failures were read.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._under_way: Counter[bytes] = Counter()
        self._ended: deque[bytes] = deque(maxlen=MAX_ENDED)
        self._ended_count = 0

    def mark(self) -> int:
        """Return the point in time before which attempts have ended. Take it before the failures are read."""
        return self._ended_count

    @contextmanager
    def begun(self, keys: Keys, failures: Mapping[bytes, Failures], *, since: int) -> Iterator[None]:
        """For as long as a guess is looked at. `failures`: as they were read after the mark `since`.

        Raises:
            TemporarilyUnavailable: this name, or this network, has failed so often that it has to wait
                (SIGN_IN_THROTTLED).
        """
        under_way = self._under_way.get(keys.name, 0) + self._ended_since(since, keys.name)
        seconds = seconds_to_wait(keys, failures, under_way=under_way, now=self._clock.now())
        if seconds:
            raise TemporarilyUnavailable(
                "Too many failed sign-in attempts: try again later.",
                reason=Reason.SIGN_IN_THROTTLED,
                retry_after=seconds,
            )
        self._under_way[keys.name] += 1
        try:
            yield
        finally:
            self._under_way[keys.name] -= 1
            if not self._under_way[keys.name]:
                del self._under_way[keys.name]
            self._ended.append(keys.name)
            self._ended_count += 1

    def _ended_since(self, mark: int, name: bytes) -> int:
        return sum(ended == name for ended in islice(reversed(self._ended), self._ended_count - mark))

"""Throttles password attempts, for all use cases that verify a password."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication.domain.sign_in.throttle import Failures, Keys, seconds_to_wait


class AttemptThrottle:
    """Failures are counted when a guess has failed, so those that this replica is still looking at count as well."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._under_way: Counter[bytes] = Counter()

    @contextmanager
    def begun(self, keys: Keys, failures: Mapping[bytes, Failures]) -> Iterator[None]:
        """For as long as a guess is looked at. `failures`: as they have just been read.

        Raises:
            TemporarilyUnavailable: this name, or this network, has failed so often that it has to wait
                (SIGN_IN_THROTTLED).
        """
        under_way = self._under_way.get(keys.name, 0)
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

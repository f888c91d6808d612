"""Concurrent attempts are throttled like sequential ones, however the reads and the failures interleave."""

from datetime import UTC, datetime

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from services.authentication.domain.sign_in.throttle import CALM, Failures, Keys
from services.authentication.usecases.sign_in.attempt_throttle import MAX_ENDED, AttemptThrottle

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ALICE = Keys.of(username_key="alice", place="203.0.113.0/24", key=b"k" * 32)
BOB = Keys.of(username_key="bob", place="203.0.113.0/24", key=b"k" * 32)


class _Clock:
    def now(self) -> datetime:
        return NOON


def _failed(count: int) -> dict[bytes, Failures]:
    return {ALICE.name: Failures(count=count, last_at=NOON)}


@pytest.fixture
def throttle() -> AttemptThrottle:
    return AttemptThrottle(clock=_Clock())


def _admitted(throttle: AttemptThrottle, keys: Keys, *, count: int, since: int) -> bool:
    try:
        with throttle.begun(keys, _failed(count), since=since):
            return True
    except TemporarilyUnavailable:
        return False


@pytest.mark.s(47)
def test_attempts_that_end_between_the_read_and_the_check_count(throttle: AttemptThrottle) -> None:
    """All requests have read one failure. Each of the others has failed and ended before the next one is checked."""
    since = throttle.mark()
    admitted = [_admitted(throttle, ALICE, count=1, since=since) for _ in range(20)]
    assert sum(admitted) == CALM.name - 1


@pytest.mark.s(47)
def test_attempts_that_ended_before_the_read_count_once(throttle: AttemptThrottle) -> None:
    for count in range(1, CALM.name):
        assert _admitted(throttle, ALICE, count=count, since=throttle.mark())


def test_attempts_for_another_name_do_not_count(throttle: AttemptThrottle) -> None:
    since = throttle.mark()
    for _ in range(20):
        assert _admitted(throttle, BOB, count=1, since=throttle.mark())
    assert _admitted(throttle, ALICE, count=1, since=since)


def test_memory_is_bounded(throttle: AttemptThrottle) -> None:
    since = throttle.mark()
    for _ in range(2 * MAX_ENDED):
        assert _admitted(throttle, BOB, count=0, since=throttle.mark())
    assert _admitted(throttle, ALICE, count=1, since=since)

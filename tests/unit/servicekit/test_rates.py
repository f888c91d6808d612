"""Buckets that fill again."""

from datetime import timedelta

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.rates import Rate
from tests.unit.token.parts import NOON, SECOND

pytestmark = pytest.mark.s(62)


def a_rate(**changes: int) -> Rate:
    return Rate(size=60, refill=timedelta(minutes=1), reason=Reason.SLOW_DOWN, **changes)


def test_full_bucket_can_be_emptied_at_once_and_refills_over_time() -> None:
    rate = a_rate()
    rate.consume("here", 60, now=NOON)
    with pytest.raises(TemporarilyUnavailable) as refusal:
        rate.consume("here", 10, now=NOON)
    assert (refusal.value.reason, refusal.value.retry_after) == (Reason.SLOW_DOWN, 10)
    rate.consume("here", 10, now=NOON + 10 * SECOND)
    with pytest.raises(TemporarilyUnavailable):
        rate.consume("here", 1, now=NOON + 10 * SECOND)


def test_each_key_has_its_own_bucket() -> None:
    rate = a_rate()
    rate.consume("here", 60, now=NOON)
    rate.consume("there", 60, now=NOON)


def test_refused_request_consumes_nothing() -> None:
    rate = a_rate()
    with pytest.raises(TemporarilyUnavailable):
        rate.consume("here", 61, now=NOON)
    rate.consume("here", 60, now=NOON)


def test_bucket_does_not_refill_when_the_clock_goes_back() -> None:
    rate = a_rate()
    rate.consume("here", 60, now=NOON)
    with pytest.raises(TemporarilyUnavailable):
        rate.consume("here", 1, now=NOON - 10 * SECOND)


def test_number_of_buckets_is_limited() -> None:
    rate = a_rate(max_keys=10)
    for number in range(1_000):
        rate.consume(str(number), 60, now=NOON)
    assert len(rate._buckets) == 10

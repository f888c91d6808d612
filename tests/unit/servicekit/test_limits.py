from datetime import UTC, datetime, timedelta

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.limits import Limit, Tally, require_room

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LIMITS = (Limit("one", 3, Reason.STORED_REQUESTS_OF_ONE), Limit("all", 5, Reason.STORED_REQUESTS_OF_ALL))


@pytest.mark.parametrize(
    ("tallies", "room"),
    [
        ({}, 1),
        ({"one": Tally(2, NOON), "all": Tally(4, NOON)}, 1),
        ({"one": Tally(3, NOON)}, 0),
        ({"one": Tally(9, NOON - MINUTE)}, 1),  # that window is over
    ],
)
def test_require_room_passes_below_the_limit(tallies: dict[str, Tally], room: int) -> None:
    require_room(LIMITS, tallies, window=MINUTE, now=NOON, room=room)


@pytest.mark.parametrize(
    ("tallies", "room", "reason", "retry_after"),
    [
        ({"one": Tally(3, NOON)}, 1, "STORED_REQUESTS_OF_ONE", 60),
        ({"one": Tally(4, NOON)}, 0, "STORED_REQUESTS_OF_ONE", 60),
        ({"all": Tally(5, NOON - 20 * SECOND)}, 1, "STORED_REQUESTS_OF_ALL", 40),
        ({"all": Tally(5, NOON - 59.5 * SECOND)}, 1, "STORED_REQUESTS_OF_ALL", 1),
        ({"one": Tally(3, NOON - 50 * SECOND), "all": Tally(5, NOON - 20 * SECOND)}, 1, "STORED_REQUESTS_OF_ONE", 40),
    ],
)
def test_require_room_raises_with_the_remaining_time_when_a_limit_is_full(
    tallies: dict[str, Tally], room: int, reason: str, retry_after: int
) -> None:
    with pytest.raises(TemporarilyUnavailable) as refusal:
        require_room(LIMITS, tallies, window=MINUTE, now=NOON, room=room)
    assert (refusal.value.reason, refusal.value.retry_after) == (reason, retry_after)

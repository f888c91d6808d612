"""Rate limits: how often something may happen for one key within a time window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason


@dataclass(frozen=True)
class Tally:
    """The count for a key since its window began."""

    count: int
    began_at: datetime


@dataclass(frozen=True)
class Limit:
    """The limit for one key; `reason` tells in the error which limit was exceeded."""

    key: str
    max_count: int
    reason: Reason


def require_room(
    limits: Sequence[Limit], tallies: Mapping[str, Tally], *, window: timedelta, now: datetime, room: int = 1
) -> None:
    """Check that every limit permits `room` more.

    Raises:
        TemporarilyUnavailable: a limit is exceeded; retry_after is the time until the last full window ends.
    """
    full = [
        (limit, tally)
        for limit in limits
        if (tally := tallies.get(limit.key)) and now < tally.began_at + window and tally.count + room > limit.max_count
    ]
    if full:
        seconds = max((tally.began_at + window - now).total_seconds() for _, tally in full)
        raise TemporarilyUnavailable(
            "Too many requests. Retry later.", reason=full[0][0].reason, retry_after=ceil(seconds)
        )

"""How often something may happen under one key within a window of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason


@dataclass(frozen=True)
class Tally:
    """What was counted under a key since a window began."""

    count: int
    began_at: datetime


@dataclass(frozen=True)
class Limit:
    """So many under this key; beyond it the reason says which limit it was."""

    key: str
    most: int
    reason: Reason


def require_room(
    limits: Sequence[Limit], tallies: Mapping[str, Tally], *, window: timedelta, now: datetime, room: int = 1
) -> None:
    """Nothing, while every limit has room for so many more.

    Raises:
        TemporarilyUnavailable: with the time until the last full window is over.
    """
    full = [
        (limit, tally)
        for limit in limits
        if (tally := tallies.get(limit.key)) and now < tally.began_at + window and tally.count + room > limit.most
    ]
    if full:
        seconds = max((tally.began_at + window - now).total_seconds() for _, tally in full)
        raise TemporarilyUnavailable(
            "Too many requests. Please wait.", reason=full[0][0].reason, retry_after=ceil(seconds)
        )

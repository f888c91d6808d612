"""Moments and durations, in words."""

from datetime import UTC, datetime
from math import ceil
from typing import Final

from libs.languages.speaking import mark, say, say_many

_MINUTE: Final = 60
_MONTHS: Final = (
    *[mark("January"), mark("February"), mark("March"), mark("April"), mark("May"), mark("June")],
    *[mark("July"), mark("August"), mark("September"), mark("October"), mark("November"), mark("December")],
)


def day_in_words(moment: datetime) -> str:
    """The day, for example 3 March 2026."""
    return say("%(day)s %(month)s %(year)s", day=moment.day, month=say(_MONTHS[moment.month - 1]), year=moment.year)


def moment_in_words(moment: datetime) -> str:
    """To the minute, and in a zone that is said: what the person's own is nobody knows here."""
    return say("%(day)s, %(time)s UTC", day=day_in_words(moment), time=f"{moment.astimezone(UTC):%H:%M}")


def minutes_in_words(seconds: float) -> str:
    """Rounded up, at least one."""
    return say_many("%(n)d minute", "%(n)d minutes", max(1, ceil(seconds / _MINUTE)))


def wait_in_words(seconds: int) -> str:
    """How long to wait, to the second while that is short."""
    return minutes_in_words(seconds) if seconds >= _MINUTE else say_many("%(n)d second", "%(n)d seconds", seconds)


def minutes_ago(seconds: float) -> str:
    """Rounded down."""
    if seconds < _MINUTE:
        return say("just now")
    return say_many("%(n)d minute ago", "%(n)d minutes ago", int(seconds // _MINUTE))

"""Dates, times and durations as translated text."""

from datetime import UTC, datetime
from math import ceil
from typing import Final

from libs.languages.translation import mark, translate, translate_plural

_MINUTE: Final = 60
_MONTHS: Final = (
    *[
        mark("January"),
        mark("February"),
        mark("March"),
        mark("April"),
        mark("May"),
        mark("June"),
    ],
    *[
        mark("July"),
        mark("August"),
        mark("September"),
        mark("October"),
        mark("November"),
        mark("December"),
    ],
)


def day_in_words(moment: datetime) -> str:
    """Returns the date, for example 3 March 2026."""
    return translate(
        "%(day)s %(month)s %(year)s", day=moment.day, month=translate(_MONTHS[moment.month - 1]), year=moment.year
    )


def moment_in_words(moment: datetime) -> str:
    """Returns date and time to the minute, in UTC: the time zone of the user is not known."""
    return translate("%(day)s, %(time)s UTC", day=day_in_words(moment), time=f"{moment.astimezone(UTC):%H:%M}")


def minutes_in_words(seconds: float) -> str:
    """Returns the minutes, rounded up, at least one."""
    return translate_plural("%(n)d minute", "%(n)d minutes", max(1, ceil(seconds / _MINUTE)))


def wait_in_words(seconds: int) -> str:
    """Returns a waiting time: in seconds below one minute, else in minutes."""
    return (
        minutes_in_words(seconds) if seconds >= _MINUTE else translate_plural("%(n)d second", "%(n)d seconds", seconds)
    )


def minutes_ago(seconds: float) -> str:
    """Returns the elapsed minutes, rounded down."""
    if seconds < _MINUTE:
        return translate("just now")
    return translate_plural("%(n)d minute ago", "%(n)d minutes ago", int(seconds // _MINUTE))

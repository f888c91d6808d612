"""Durations in command-line options: 90s, 10m, 2h, 3d."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(value: str) -> timedelta | None:
    """Returns None when the value is not a duration."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", value)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None

"""Ids: UUIDs in their canonical form."""

import re

_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Whether the text has the form of an id. Other text is not passed to the database."""
    return _CANONICAL.fullmatch(text) is not None

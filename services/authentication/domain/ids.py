"""Ids as we make them: UUIDs in their canonical form."""

import re

_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Could it be an id of ours? What could not is not worth a read, and may hold what a database refuses."""
    return _CANONICAL.fullmatch(text) is not None

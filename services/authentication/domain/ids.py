"""Ids: UUIDs in their canonical form. The id of an imported user is the `sub` of the former system."""

import re

_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_USER_ID = re.compile(r"[\x21-\x7e]{1,36}")


def is_id(text: str) -> bool:
    """Whether the text has the form of an id. Other text is not passed to the database."""
    return _CANONICAL.fullmatch(text) is not None


def is_user_id(text: str) -> bool:
    """Whether the text can be the id of a user, also of an imported one."""
    return _USER_ID.fullmatch(text) is not None

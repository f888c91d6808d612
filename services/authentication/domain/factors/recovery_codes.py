"""Codes that stand in for a lost factor: written down on paper, typed once."""

from libs.crypto.hashing import keyed_hash
from libs.crypto.random import new_code

COUNT = 10
_LENGTH = 12
_GROUP = 4
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: 60 bits in 12 characters, of which none is taken for another."""
_MISREAD = str.maketrans({"o": "0", "i": "1", "l": "1", " ": None, "-": None})


def new_codes() -> tuple[str, ...]:
    """As they are shown, this once."""
    codes = (new_code(_ALPHABET, _LENGTH) for _ in range(COUNT))
    return tuple("-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP)) for code in codes)


def code_hash(typed: str, *, user_id: str, key: bytes) -> bytes:
    """What a code is known by, as it was shown or as a user reads it off.

    Keyed, since 60 bits can be tried out by a reader of the database; and bound to the user.
    """
    plain = typed[: 4 * _LENGTH].casefold().translate(_MISREAD)
    return keyed_hash(key, f"recovery code {user_id} {plain}")

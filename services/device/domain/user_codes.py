"""User codes: short enough to type, random enough to be guessed by nobody while they live (RFC 8628 6.1, 5.1)."""

import unicodedata

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_code

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""The 20 consonants of RFC 8628 6.1: no word comes out, no two look alike, and any keyboard has them."""
LENGTH = 8
"""34.5 bits. With the limit of wrong ones, guessing any of thousands of live codes takes years."""
_LONGEST_INPUT = 64
_BETWEEN = {"Pd", "Zs", "Cf", "Cc"}
"""Dashes and blanks of all kinds: phones write their own."""


def new_user_code() -> str:
    """A random code in its normal form: eight letters."""
    return new_code(ALPHABET, LENGTH)


def normal_form(typed: str) -> str | None:
    """The code that was meant, whatever its case, blanks and dashes; None when it cannot be one."""
    if len(typed) > _LONGEST_INPUT:
        return None
    folded = unicodedata.normalize("NFKC", typed)
    letters = "".join(character for character in folded if unicodedata.category(character) not in _BETWEEN)
    code = letters.upper() if letters.isascii() else ""
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def as_shown(code: str) -> str:
    """As people read it best: WDJB-MJHT."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def digest(code: str) -> bytes:
    """What is stored of a code in normal form: no secret of 256 bits, so whoever reads the database can find it out.

    That is worth little: a code opens nothing without a person who signs in and says yes, and it is gone in minutes.
    """
    return secret_hash(f"latchkey user code {code}")

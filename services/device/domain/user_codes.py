"""User codes: short enough to type, with enough entropy against guessing during their lifetime (RFC 8628 6.1, 5.1)."""

import unicodedata

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_code

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""The 20 consonants of RFC 8628 6.1: they form no words, do not look alike, and are on every keyboard."""
LENGTH = 8
"""34.5 bits. With the limit on wrong codes, guessing any of thousands of unexpired codes takes years."""
_MAX_INPUT = 64
_IGNORED = {"Pd", "Zs", "Cf", "Cc"}
"""Unicode categories of dashes, spaces and control characters, which phone keyboards may insert."""


def new_user_code() -> str:
    """Return a random code in normal form: eight characters of ALPHABET."""
    return new_code(ALPHABET, LENGTH)


def normal_form(typed: str) -> str | None:
    """Return the code without spaces and dashes, in upper case; None if the input cannot be a user code."""
    if len(typed) > _MAX_INPUT:
        return None
    folded = unicodedata.normalize("NFKC", typed)
    kept = "".join(character for character in folded if unicodedata.category(character) not in _IGNORED)
    code = kept.upper() if kept.isascii() else ""
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def display_form(code: str) -> str:
    """Return the code with a dash in the middle: WDJB-MJHT."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def digest(code: str) -> bytes:
    """Return the digest that is stored for a code in normal form.

    A reader of the database can find the code by trying all values. The code alone gives no access: a user has to sign
    in and approve it within minutes.
    """
    return secret_hash(f"latchkey user code {code}")

"""Names that users type to sign in: what may be one, and when two of them are the same."""

import unicodedata

from libs.crypto.hashing import keyed_hash
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.oauth.visible_text import is_visible
from services.authentication.domain.accounts.normalisation import fold_address

MAX_CHARACTERS = 128
MAX_KEY_CHARACTERS = 512
"""Case folding lengthens a name, at most threefold."""
_MAX_TYPED = 2 * MAX_CHARACTERS


def check_username(typed: str) -> tuple[str, str]:
    """The name in the form that is kept and shown (NFKC), and what it is found by.

    Raises:
        InvalidRequest: it is empty, too long, or has blanks or characters that cannot be seen.
    """
    if not typed:
        raise InvalidRequest("username is missing.", reason=Reason.USERNAME_MISSING)
    name = unicodedata.normalize("NFKC", typed) if len(typed) <= MAX_CHARACTERS else ""
    key = lookup_key(name)
    if key is None or len(name) > MAX_CHARACTERS or name != name.strip() or not is_visible(name):
        raise InvalidRequest(
            f"username must have at most {MAX_CHARACTERS} printable characters and no spaces.",
            reason=Reason.USERNAME_MALFORMED,
        )
    return name, key


def unknown_user() -> InvalidRequest:
    """The error for an unknown user, for operators."""
    return InvalidRequest(
        "username is unknown: no user has this username, verified email address or user id.", reason=Reason.USER_UNKNOWN
    )


def ambiguous_user() -> InvalidRequest:
    """The error for a text that names two users, for operators."""
    return InvalidRequest(
        "username is the username of one user and the verified email address of another one: give the user id.",
        reason=Reason.USER_AMBIGUOUS,
    )


def lookup_key(typed: str) -> str | None:
    """What the name is found by: equal for names that differ in case or in Unicode form only. Compares as addresses do.

    Surrounding blanks are ignored: phone keyboards add them. None if no account can have such a name.
    """
    if len(typed) > _MAX_TYPED:
        return None
    key = fold_address(typed).strip()
    if not key or len(key) > MAX_KEY_CHARACTERS or not key.isprintable() or " " in key:
        return None
    return key


def stand_in(typed: str, *, key: bytes) -> str:
    """The subject of events about an unknown name: stable, and not reversible (users type passwords there).

    At most 65,536 values, so that unauthenticated requests cannot grow the subject table, and so that even a
    holder of `key` cannot confirm a guess.
    """
    return f"unknown-{keyed_hash(key, lookup_key(typed) or typed)[:2].hex()}"

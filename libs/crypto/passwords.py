"""Password hashing: argon2id as OWASP advises it (19 MiB, 2 passes, 1 lane), about 20 ms of one core per call.

The functions are synchronous. Call them in a bounded pool, never on the event loop.
"""

import secrets
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from libs.crypto.errors import PasswordTooLong
from libs.crypto.imported_hashes import verify_imported
from libs.crypto.strict import base64_unpadded

MAX_PASSWORD_BYTES = 1024
"""In UTF-8, before and after normalisation, so that nobody can have us hash a novel."""

_MEMORY_KIB, _PASSES, _LANES, _TAG_BYTES, _SALT_BYTES = 19_456, 2, 1, 32, 16
_OURS = "$argon2id$"
_hasher = PasswordHasher(
    time_cost=_PASSES,
    memory_cost=_MEMORY_KIB,
    parallelism=_LANES,
    hash_len=_TAG_BYTES,
    salt_len=_SALT_BYTES,
    type=Type.ID,
)


def _normalised(password: str) -> bytes:
    """NFKC in UTF-8 (NIST SP 800-63B), so that the same keys pressed elsewhere give the same bytes."""
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong
    # One character can become eighteen: the limit holds for what is hashed as well.
    normalised = unicodedata.normalize("NFKC", password).encode()
    if len(normalised) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong
    return normalised


def hash_password(password: str) -> str:
    """Give the PHC string to store. Raises PasswordTooLong, or UnicodeEncodeError for text that is no Unicode."""
    return _hasher.hash(_normalised(password))


def verify_password(password_hash: str, password: str) -> bool:
    """Tell whether it is the password.

    Raises:
        VerificationError (of argon2), InvalidKey: what is stored is no hash at all.
    """
    try:
        normalised = _normalised(password)
    except (PasswordTooLong, UnicodeEncodeError):
        # Nobody can have such a password, whoever the account belongs to: the quick answer tells nothing.
        return False
    if not password_hash.startswith(_OURS):
        return verify_imported(password_hash, password)
    try:
        return _hasher.verify(password_hash, normalised)
    except VerifyMismatchError:
        return False


def is_ours(password_hash: str) -> bool:
    """Tell whether we made it, and no other system."""
    return password_hash.startswith(_OURS)


def needs_rehash(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than today's, or by another system."""
    return not password_hash.startswith(_OURS) or _hasher.check_needs_rehash(password_hash)


def _unmatched() -> str:
    """A hash that no password has, at the price of a real one: its tag is random and not the hash of anything."""
    salt, tag = (base64_unpadded(secrets.token_bytes(size)) for size in (_SALT_BYTES, _TAG_BYTES))
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${salt}${tag}"


DUMMY = _unmatched()
"""Verify against this when there is no account, so that its absence takes as long as a wrong password."""

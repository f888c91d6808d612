"""Password hashing: argon2id with the parameters of OWASP (19 MiB, 2 passes, 1 lane), about 20 ms of one core per call.

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
"""In UTF-8, before and after normalization. Limits the cost of hashing."""

_MEMORY_KIB, _PASSES, _LANES, _TAG_BYTES, _SALT_BYTES = 19_456, 2, 1, 32, 16
_OWN = "$argon2id$"
_hasher = PasswordHasher(
    time_cost=_PASSES,
    memory_cost=_MEMORY_KIB,
    parallelism=_LANES,
    hash_len=_TAG_BYTES,
    salt_len=_SALT_BYTES,
    type=Type.ID,
)


def _normalised(password: str) -> bytes:
    """Return NFKC in UTF-8 (NIST SP 800-63B), so that the same password typed on another system has the same bytes."""
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong
    # Normalization can turn one character into eighteen, so check the limit again.
    normalised = unicodedata.normalize("NFKC", password).encode()
    if len(normalised) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong
    return normalised


def hash_password(password: str) -> str:
    """Return the PHC string to store. Raises PasswordTooLong, or UnicodeEncodeError for lone surrogates."""
    return _hasher.hash(_normalised(password))


def verify_password(password_hash: str, password: str) -> bool:
    """Return whether the password matches the hash.

    Raises:
        VerificationError (of argon2), InvalidKey: the stored value is not a password hash.
    """
    try:
        normalised = _normalised(password)
    except (PasswordTooLong, UnicodeEncodeError):
        # No account can have such a password, so the fast return discloses nothing about the account.
        return False
    if not password_hash.startswith(_OWN):
        return verify_imported(password_hash, password)
    try:
        return _hasher.verify(password_hash, normalised)
    except VerifyMismatchError:
        return False


def is_ours(password_hash: str) -> bool:
    """Return whether this server made the hash, and not another system."""
    return password_hash.startswith(_OWN)


def needs_rehash(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters or by another system."""
    return not password_hash.startswith(_OWN) or _hasher.check_needs_rehash(password_hash)


def _unmatched() -> str:
    """Return a hash that no password matches and that takes as long to verify: its tag is random."""
    salt, tag = (base64_unpadded(secrets.token_bytes(size)) for size in (_SALT_BYTES, _TAG_BYTES))
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${salt}${tag}"


DUMMY = _unmatched()
"""Verify against this hash if the account does not exist, so that the response takes as long as a wrong password."""

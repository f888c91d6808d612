"""Password hashing: argon2id with the parameters of OWASP (19 MiB, 2 passes, 1 lane), about 20 ms of one core per call.

The functions are synchronous. Call them in a bounded pool, never on the event loop.
"""

import re
import secrets
import unicodedata

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from libs.crypto.errors import PasswordTooLong
from libs.crypto.imported_hashes import is_imported_hash, verify_imported
from libs.crypto.strict import base64_unpadded

MAX_PASSWORD_BYTES = 1024
"""In UTF-8, before and after normalization. Limits the cost of hashing."""

_MEMORY_KIB, _PASSES, _LANES, _TAG_BYTES, _SALT_BYTES = 19_456, 2, 1, 32, 16
_OWN = "$argon2id$"
MAX_MEMORY_KIB, MAX_PASSES, MAX_LANES = 131_072, 20, 16
"""Limits for imported hashes: 128 MiB for one verification."""
_ARGON2ID = re.compile(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[+/A-Za-z0-9]{11,86}\$[+/A-Za-z0-9]{22,86}")
_MAX_PHC_CHARACTERS = 255
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
    if _matches(password_hash, normalised):
        return True
    # Other systems that use argon2id may not normalize.
    typed = password.encode()
    return typed != normalised and not is_ours(password_hash) and _matches(password_hash, typed)


def _matches(password_hash: str, typed: bytes) -> bool:
    try:
        return _hasher.verify(password_hash, typed)
    except VerifyMismatchError:
        return False


def is_importable_hash(text: str) -> bool:
    """Return whether the hash of another system has a supported format and a cost within the limits.

    A hash that this server made can be imported as well.
    """
    if not text.startswith(_OWN):
        return is_imported_hash(text)
    if len(text) > _MAX_PHC_CHARACTERS:
        return False
    try:
        cost = extract_parameters(text)
    except (InvalidHashError, ValueError):
        return False
    return (
        _ARGON2ID.fullmatch(text) is not None
        and cost.version == ARGON2_VERSION
        and 8 * cost.parallelism <= cost.memory_cost <= MAX_MEMORY_KIB
        and 1 <= cost.time_cost <= MAX_PASSES
        and 1 <= cost.parallelism <= MAX_LANES
    )


def is_ours(password_hash: str) -> bool:
    """Return whether this server made the hash, and not another system."""
    return password_hash.startswith(_OWN) and not _hasher.check_needs_rehash(password_hash)


def needs_rehash(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters or by another system."""
    return not password_hash.startswith(_OWN) or _hasher.check_needs_rehash(password_hash)


def _unmatched() -> str:
    """Return a hash that no password matches and that takes as long to verify: its tag is random."""
    salt, tag = (base64_unpadded(secrets.token_bytes(size)) for size in (_SALT_BYTES, _TAG_BYTES))
    return f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${salt}${tag}"


DUMMY = _unmatched()
"""Verify against this hash if the account does not exist, so that the response takes as long as a wrong password."""

"""Password hashes of other systems: bcrypt, and PBKDF2 in the formats of passlib and Django. Verification only.

Their cost is limited: an imported hash must not occupy a core for minutes at each sign-in.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

import bcrypt

from libs.crypto.errors import InvalidKey

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_PASSLIB = re.compile(r"\$pbkdf2-(sha256|sha512)\$(\d{1,8})\$([./A-Za-z0-9]{1,128})\$([./A-Za-z0-9]{22,128})")
_DJANGO = re.compile(r"pbkdf2_(sha256|sha512)\$(\d{1,8})\$([^$]{1,128})\$([+/A-Za-z0-9]{22,128}={0,2})")
_BCRYPT_BYTES = 72
"""bcrypt uses the first 72 bytes of a password, so the rest is cut off here as well."""
MAX_BCRYPT_COST = 14
MAX_ITERATIONS = 2_000_000
FORMATS = "bcrypt ($2b$…), PBKDF2 with SHA-256 or SHA-512 ($pbkdf2-sha256$… or pbkdf2_sha256$…)"


@dataclass(frozen=True)
class _Pbkdf2:
    digest: str
    iterations: int
    salt: bytes
    tag: bytes


def is_imported_hash(text: str) -> bool:
    """Return whether the format is supported and the cost is within the limits."""
    found = _BCRYPT.fullmatch(text)
    if found:
        return 4 <= int(found[1]) <= MAX_BCRYPT_COST
    try:
        return 1_000 <= _parse(text).iterations <= MAX_ITERATIONS
    except InvalidKey:
        return False


def verify_imported(text: str, password: str) -> bool:
    """Return whether the password matches. It is not normalized: the other systems did not normalize it.

    Raises:
        InvalidKey: the text is not a hash in a supported format.
    """
    typed = password.encode()
    if _BCRYPT.fullmatch(text):
        return bcrypt.checkpw(typed[:_BCRYPT_BYTES], text.encode())
    known = _parse(text)
    tag = hashlib.pbkdf2_hmac(known.digest, typed, known.salt, known.iterations, len(known.tag))
    return hmac.compare_digest(tag, known.tag)


def _parse(text: str) -> _Pbkdf2:
    try:
        if found := _PASSLIB.fullmatch(text):
            return _Pbkdf2(found[1], int(found[2]), _adapted(found[3]), _adapted(found[4]))
        if found := _DJANGO.fullmatch(text):
            return _Pbkdf2(found[1], int(found[2]), found[3].encode(), base64.b64decode(found[4], validate=True))
    except binascii.Error:
        pass
    raise InvalidKey("not a password hash in a supported format")


def _adapted(text: str) -> bytes:
    """Decode passlib's base64: `.` instead of `+`, no padding."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)

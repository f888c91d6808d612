"""Password hashes that other systems made: bcrypt, and PBKDF2 as passlib and Django write it. Verified, never made.

Their price is bounded: a hash of an import must not keep a core busy for minutes at each sign-in.
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
"""bcrypt itself looks at no more; what made the hash cut the rest off, so it is cut off here."""
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
    """Could it be verified here, and at a bearable price?"""
    found = _BCRYPT.fullmatch(text)
    if found:
        return 4 <= int(found[1]) <= MAX_BCRYPT_COST
    try:
        return 1_000 <= _parse(text).iterations <= MAX_ITERATIONS
    except InvalidKey:
        return False


def verify_imported(text: str, password: str) -> bool:
    """Tell whether it is the password, as it was typed: what made the hash normalised nothing.

    Raises:
        InvalidKey: the text is no hash of these.
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
    raise InvalidKey("not the hash of a password")


def _adapted(text: str) -> bytes:
    """Passlib's base64: a full stop for the plus sign, and no padding."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)

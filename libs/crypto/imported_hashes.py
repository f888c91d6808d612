"""Password hashes of other systems, except argon2id (libs/crypto/passwords.py). Verification only.

Their cost is limited: an imported hash must not occupy a core for minutes at each sign-in, nor all memory.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

import bcrypt

from libs.crypto.errors import InvalidKey
from libs.crypto.sha512_crypt import MAX_ROUNDS, SHA512_CRYPT, rounds_of, sha512_crypt

_SPRING = re.compile(r"\{bcrypt\}(?=\$2)")
"""The prefix of Spring Security's DelegatingPasswordEncoder."""
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_PASSLIB = re.compile(r"\$pbkdf2(?:-(sha256|sha512))?\$(\d{1,8})\$([./A-Za-z0-9]{1,128})\$([./A-Za-z0-9]{22,128})")
_DJANGO = re.compile(r"pbkdf2_(sha1|sha256|sha512)\$(\d{1,8})\$([^$]{1,128})\$([+/A-Za-z0-9]{22,128}={0,2})")
_SCRYPT_PASSLIB = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([+/A-Za-z0-9]{0,128})\$([+/A-Za-z0-9]{22,128})"
)
_SCRYPT_WERKZEUG = re.compile(r"scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3})\$([^$]{1,128})\$([0-9a-f]{32,128})")
_SCRYPT_DJANGO = re.compile(r"scrypt\$(\d{1,8})\$([^$]{1,128})\$(\d{1,3})\$(\d{1,3})\$([+/A-Za-z0-9]{22,128}={0,2})")
_SALTED_SHA = re.compile(r"\{(SSHA|SSHA256|SSHA512)\}([+/A-Za-z0-9]{24,200}={0,2})")
_SALTED_DIGESTS = {"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512"}
_BCRYPT_BYTES = 72
"""bcrypt uses the first 72 bytes of a password, so the rest is cut off here as well."""
MAX_BCRYPT_COST = 14
MAX_ITERATIONS = 2_000_000
MAX_SCRYPT_BYTES = 128 * 1024 * 1024
MAX_SCRYPT_LANES = 16
FORMATS = (
    "argon2id ($argon2id$...), bcrypt ($2b$... or {bcrypt}$2a$...), scrypt ($scrypt$ln=..., scrypt:... or scrypt$...), "
    "PBKDF2 with SHA-1, SHA-256 or SHA-512 ($pbkdf2$..., $pbkdf2-sha256$... or pbkdf2_sha256$...), "
    "sha512crypt ($6$...), salted SHA ({SSHA}..., {SSHA256}... or {SSHA512}...)"
)

_Matches = Callable[[bytes], bool]


@dataclass(frozen=True)
class _Scrypt:
    n: int
    r: int
    p: int
    salt: bytes
    tag: bytes

    @property
    def affordable(self) -> bool:
        return (
            self.n > 1
            and self.n & (self.n - 1) == 0
            and self.r > 0
            and 0 < self.p <= MAX_SCRYPT_LANES
            and 128 * self.n * self.r <= MAX_SCRYPT_BYTES
        )

    def matches(self, typed: bytes) -> bool:
        tag = hashlib.scrypt(
            typed,
            salt=self.salt,
            n=self.n,
            r=self.r,
            p=self.p,
            dklen=len(self.tag),
            maxmem=2 * MAX_SCRYPT_BYTES,
        )
        return hmac.compare_digest(tag, self.tag)


def is_imported_hash(text: str) -> bool:
    """Return whether the format is supported and the cost is within the limits."""
    try:
        return _parse(text) is not None
    except (binascii.Error, UnicodeEncodeError):
        return False


def verify_imported(text: str, password: str) -> bool:
    """Return whether the password matches. It is not normalized: the other systems did not normalize it.

    Raises:
        InvalidKey: the text is not a hash in a supported format.
    """
    try:
        matches = _parse(text)
    except (binascii.Error, UnicodeEncodeError):
        matches = None
    if matches is None:
        raise InvalidKey("not a password hash in a supported format")
    return matches(password.encode())


def _parse(text: str) -> _Matches | None:
    """The verification by this hash; None if its format or cost is not supported."""
    text = _SPRING.sub("", text, count=1)
    for parse in (_bcrypt, _pbkdf2, _scrypt, _sha512_crypt, _salted_sha):
        if matches := parse(text):
            return matches
    return None


def _bcrypt(text: str) -> _Matches | None:
    found = _BCRYPT.fullmatch(text)
    if found is None or not 4 <= int(found[1]) <= MAX_BCRYPT_COST:
        return None
    return lambda typed: bcrypt.checkpw(typed[:_BCRYPT_BYTES], text.encode())


def _pbkdf2(text: str) -> _Matches | None:
    if found := _PASSLIB.fullmatch(text):
        digest, salt, tag = found[1] or "sha1", _adapted(found[3]), _adapted(found[4])
    elif found := _DJANGO.fullmatch(text):
        digest, salt, tag = found[1], found[3].encode(), base64.b64decode(found[4], validate=True)
    else:
        return None
    iterations = int(found[2])
    if not 1_000 <= iterations <= MAX_ITERATIONS:
        return None
    return lambda typed: hmac.compare_digest(hashlib.pbkdf2_hmac(digest, typed, salt, iterations, len(tag)), tag)


def _scrypt(text: str) -> _Matches | None:
    if found := _SCRYPT_PASSLIB.fullmatch(text):
        parsed = _Scrypt(2 ** int(found[1]), int(found[2]), int(found[3]), _adapted(found[4]), _adapted(found[5]))
    elif found := _SCRYPT_WERKZEUG.fullmatch(text):
        if len(found[5]) % 2:
            return None
        parsed = _Scrypt(int(found[1]), int(found[2]), int(found[3]), found[4].encode(), bytes.fromhex(found[5]))
    elif found := _SCRYPT_DJANGO.fullmatch(text):
        tag = base64.b64decode(found[5], validate=True)
        parsed = _Scrypt(int(found[1]), int(found[3]), int(found[4]), found[2].encode(), tag)
    else:
        return None
    return parsed.matches if parsed.affordable else None


def _sha512_crypt(text: str) -> _Matches | None:
    if not SHA512_CRYPT.fullmatch(text) or rounds_of(text) > MAX_ROUNDS:
        return None
    return lambda typed: hmac.compare_digest(sha512_crypt(typed, text).encode(), text.encode())


def _salted_sha(text: str) -> _Matches | None:
    found = _SALTED_SHA.fullmatch(text)
    if found is None:
        return None
    digest = _SALTED_DIGESTS[found[1]]
    stored = base64.b64decode(found[2], validate=True)
    size = hashlib.new(digest, usedforsecurity=False).digest_size
    tag, salt = stored[:size], stored[size:]
    if not salt:
        return None
    return lambda typed: hmac.compare_digest(hashlib.new(digest, typed + salt, usedforsecurity=False).digest(), tag)


def _adapted(text: str) -> bytes:
    """Decode passlib's base64: `.` instead of `+`, no padding."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)

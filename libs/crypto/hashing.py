"""Digests of secrets at rest. Passwords are not random and need `libs.crypto.passwords` instead."""

import hashlib
import hmac
from functools import lru_cache

from libs.crypto.algorithms import algorithm
from libs.crypto.strict import base64url


def secret_hash(secret: str) -> bytes:
    """SHA-256, 32 bytes. Enough for a secret of 256 random bits: there is no dictionary to try."""
    return hashlib.sha256(secret.encode()).digest()


def keyed_hash(key: bytes, secret: str) -> bytes:
    """HMAC-SHA256, 32 bytes: useless to a reader of the database who does not hold `key`."""
    digest = _hmac(key).copy()
    digest.update(secret.encode())
    return digest.digest()


@lru_cache(maxsize=16)
def _hmac(key: bytes) -> hmac.HMAC:
    """Begun once for each key: to look the algorithm up again costs OpenSSL ten times what the digest does."""
    return hmac.new(key, digestmod=hashlib.sha256)


def hashes_equal(a: bytes, b: bytes) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(a, b)


def left_half_hash(value: str, alg: str) -> str:
    """`at_hash` or `c_hash` of a token or code, for an ID token signed with `alg` (OpenID Connect Core 3.1.3.6)."""
    digest = hashlib.new(algorithm(alg).digest, value.encode("ascii")).digest()
    return base64url(digest[: len(digest) // 2])

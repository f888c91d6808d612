"""Digests of random secrets at rest. For passwords use `libs.crypto.passwords`."""

import hashlib
import hmac
from functools import lru_cache

from libs.crypto.algorithms import algorithm
from libs.crypto.strict import base64url


def secret_hash(secret: str) -> bytes:
    """Return the SHA-256, 32 bytes. Sufficient for secrets of 256 random bits, which cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def keyed_hash(key: bytes, secret: str) -> bytes:
    """Return the HMAC-SHA256, 32 bytes. The secret cannot be guessed without `key`."""
    digest = _hmac(key).copy()
    digest.update(secret.encode())
    return digest.digest()


@lru_cache(maxsize=16)
def _hmac(key: bytes) -> hmac.HMAC:
    """Cached for each key: the algorithm lookup of OpenSSL takes ten times as long as the digest."""
    return hmac.new(key, digestmod=hashlib.sha256)


def hashes_equal(a: bytes, b: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(a, b)


def left_half_hash(value: str, alg: str) -> str:
    """Return `at_hash` or `c_hash` of a token or code for an ID token with this `alg` (OpenID Connect Core 3.1.3.6)."""
    digest = hashlib.new(algorithm(alg).digest, value.encode("ascii")).digest()
    return base64url(digest[: len(digest) // 2])

"""Public JSON Web Keys (RFC 7517, RFC 7518 6). This module cannot write private members."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from libs.crypto.algorithms import PublicKey
from libs.crypto.errors import InvalidKey
from libs.crypto.strict import base64url, base64url_decode

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_P256_BYTES = 32


def key_members(key: PublicKey) -> dict[str, str]:
    """Return the members that RFC 7638 3.2 requires: those that define the key."""
    if isinstance(key, RSAPublicKey):
        rsa = key.public_numbers()
        return {"e": _unsigned(rsa.e), "kty": "RSA", "n": _unsigned(rsa.n)}
    point = key.public_numbers()
    x, y = (base64url(number.to_bytes(_P256_BYTES, "big")) for number in (point.x, point.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def thumbprint(key: PublicKey) -> str:
    """Return the SHA-256 JWK thumbprint (RFC 7638) in 43 base64url characters. Used as `kid`."""
    canonical = json.dumps(key_members(key), separators=(",", ":"), sort_keys=True)
    return base64url(hashlib.sha256(canonical.encode()).digest())


def public_jwk(key: PublicKey, *, kid: str, alg: str) -> dict[str, str]:
    """Return the JWK to publish: the public members, `kid`, `alg` and `use`."""
    return {**key_members(key), "kid": kid, "alg": alg, "use": "sig"}


def load_public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """Parse a public signature key. Raises InvalidKey for every other JWK, also for a private or symmetric key."""
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise InvalidKey("the public key has a private member")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise InvalidKey("not a signature key")
    try:
        return _key_of(jwk)
    except ValueError as error:
        raise InvalidKey("not a public key") from error


def _key_of(jwk: Mapping[str, Any]) -> PublicKey:
    if jwk.get("kty") == "RSA":
        modulus, exponent = _octets(jwk, "n"), _octets(jwk, "e")
        return RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()
    if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256":
        x, y = _octets(jwk, "x"), _octets(jwk, "y")
        if not len(x) == len(y) == _P256_BYTES:
            raise InvalidKey("a coordinate has the wrong length")
        point = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
        key: EllipticCurvePublicKey = point.public_key()
        return key
    raise InvalidKey("unsupported key type")


def _octets(jwk: Mapping[str, Any], member: str) -> bytes:
    value = jwk.get(member)
    if not isinstance(value, str):
        raise InvalidKey(f"{member} is missing")
    return base64url_decode(value)


def _unsigned(number: int) -> str:
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))

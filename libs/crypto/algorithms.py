"""The table of signature algorithms. To add one, add a row here (RFC 7518 3.1) and its JWK form in `jwk.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from libs.crypto.errors import InvalidKey

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey

_RSA_BITS = 2048
_RSA_MAX_BITS = 4096
_RSA_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A digital signature algorithm and the keys that may be used with it."""

    name: str
    digest: str
    """Name of the hash function, also for `at_hash` and `c_hash`."""
    generate: Callable[[], PrivateKey]
    """Generates a key. Blocks: an RSA key takes 30 ms to a second."""
    suits: Callable[[PublicKey], bool]
    """Returns whether a key has the right type, curve and size. Very large keys are refused: verification is slow."""


def _suits_rs256(key: PublicKey) -> bool:
    return (
        isinstance(key, RSAPublicKey)
        and _RSA_BITS <= key.key_size <= _RSA_MAX_BITS
        and key.public_numbers().e == _RSA_EXPONENT
    )


def _suits_es256(key: PublicKey) -> bool:
    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)


ALGORITHMS: Final = {
    row.name: row
    for row in (
        Algorithm(
            name="RS256",
            digest="sha256",
            generate=lambda: generate_rsa_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS),
            suits=_suits_rs256,
        ),
        Algorithm(
            name="ES256",
            digest="sha256",
            generate=lambda: generate_private_key(SECP256R1()),
            suits=_suits_es256,
        ),
    )
}


def algorithm(name: str) -> Algorithm:
    """Return the algorithm with this name. Raises InvalidKey for all others, such as symmetric ones and `none`."""
    row = ALGORITHMS.get(name)
    if row is None:
        raise InvalidKey("unsupported algorithm")
    return row

"""Private keys at rest: each under a data key of its own, and that under the key-encryption key."""

from dataclasses import dataclass, field
from typing import Final

from libs.crypto.errors import SealBroken
from libs.crypto.jwt import SigningKey
from libs.crypto.sealing import Envelope, KeyEncryptionKey, binding

KEK_VERSION: Final = 1
SEAL_VERSION: Final = 1
_PURPOSE: Final = "latchkey signing key at rest"


@dataclass(frozen=True, slots=True)
class SealedPrivateKey:
    envelope: Envelope = field(repr=False)
    kek_version: int = KEK_VERSION
    """Which key-encryption key wraps the data key; changing it wraps the data key anew."""
    seal_version: int = SEAL_VERSION
    """Which form the seal has."""


class KeySeals:
    """Seals private keys bound to issuer, kid, algorithm and form, so that no row can stand in for another."""

    def __init__(self, kek: KeyEncryptionKey, *, issuer: str) -> None:
        self._kek = kek
        self._issuer = issuer

    def seal(self, key: SigningKey) -> SealedPrivateKey:
        bound_to = self._binding(key.kid, key.alg, SEAL_VERSION)
        return SealedPrivateKey(self._kek.seal(key.to_pkcs8(), bound_to=bound_to))

    def open(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> bytes:
        """The private key as PKCS#8 DER. Raises SealBroken: another key-encryption key, another row, or changed."""
        if sealed.kek_version != KEK_VERSION:
            raise SealBroken("sealed under a key-encryption key that is not here")
        return self._kek.open(sealed.envelope, bound_to=self._binding(kid, alg, sealed.seal_version))

    def _binding(self, kid: str, alg: str, seal_version: int) -> bytes:
        return binding(_PURPOSE, self._issuer, kid, alg, seal_version)

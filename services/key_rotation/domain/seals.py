"""Private keys at rest: each under a data key of its own, and that under one of the key-encryption keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from libs.crypto.errors import SealBroken
from libs.crypto.jwt import SigningKey
from libs.crypto.sealing import Envelope, binding

SEAL_VERSION: Final = 1
_PURPOSE: Final = "latchkey signing key at rest"


class Wrapping(Protocol):
    """What a key-encryption key does, wherever it is kept. `bound_to` is needed again to undo it."""

    def seal(self, plaintext: bytes, *, bound_to: bytes) -> Envelope:
        """Encrypts under a new data key, and wraps that."""

    def open(self, envelope: Envelope, *, bound_to: bytes) -> bytes:
        """Undoes `seal`. Raises SealBroken."""

    def wrap(self, plaintext: bytes, *, bound_to: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, bound_to: bytes) -> bytes:
        """Undoes `wrap`. Raises SealBroken."""


@dataclass(frozen=True, slots=True)
class SealedPrivateKey:
    envelope: Envelope = field(repr=False)
    kek_version: int = 1
    """Which key-encryption key wraps the data key; changing it wraps the data key anew."""
    seal_version: int = SEAL_VERSION
    """Which form the seal has."""


class KeySeals:
    """Seals private keys bound to issuer, kid, algorithm and form, so that no row can stand in for another.

    Args:
        keks: key-encryption keys by version; all of them open.
        version: the one that seals.
    """

    def __init__(self, keks: Mapping[int, Wrapping], *, version: int, issuer: str) -> None:
        self._keks = keks
        self._issuer = issuer
        self.version: Final = version

    def seal(self, key: SigningKey) -> SealedPrivateKey:
        bound_to = self._binding(key.kid, key.alg, SEAL_VERSION)
        return SealedPrivateKey(self._kek(self.version).seal(key.to_pkcs8(), bound_to=bound_to), self.version)

    def open(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> bytes:
        """The private key as PKCS#8 DER. Raises SealBroken: another key-encryption key, another row, or changed."""
        bound_to = self._binding(kid, alg, sealed.seal_version)
        return self._kek(sealed.kek_version).open(sealed.envelope, bound_to=bound_to)

    def rewrap(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> SealedPrivateKey:
        """The same under the key-encryption key that seals now; the private key stays closed. Raises SealBroken."""
        bound_to = self._binding(kid, alg, sealed.seal_version)
        data_key = self._kek(sealed.kek_version).unwrap(sealed.envelope.wrapped_key, bound_to=bound_to)
        wrapped = self._kek(self.version).wrap(data_key, bound_to=bound_to)
        return replace(sealed, envelope=replace(sealed.envelope, wrapped_key=wrapped), kek_version=self.version)

    def _kek(self, version: int) -> Wrapping:
        if version not in self._keks:
            raise SealBroken(f"sealed under version {version} of the key-encryption key, which is not here")
        return self._keks[version]

    def _binding(self, kid: str, alg: str, seal_version: int) -> bytes:
        return binding(_PURPOSE, self._issuer, kid, alg, seal_version)

"""Encryption of private keys at rest: each under its own data key, and the data key under a key-encryption key."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from libs.crypto.errors import SealBroken
from libs.crypto.jwt import SigningKey
from libs.crypto.sealing import Envelope, binding, open_under_key, seal_under_new_key

SEAL_VERSION: Final = 1
FILE: Final = "file"
_PURPOSE: Final = "latchkey signing key at rest"
_PROBE: Final = binding("latchkey probe of the key-encryption key")


class Wrapping(Protocol):
    """A key-encryption key. `bound_to` is authenticated data: `unwrap` needs the same value.

    Every method raises TemporarilyUnavailable while the key-encryption key is unavailable or access is denied.
    """

    @property
    def name(self) -> str:
        """Name that is stored with every wrapped key."""

    async def version(self) -> int:
        """Return the version that wraps now."""

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[int, bytes]:
        """Return the version that wrapped the key, and the wrapped key."""

    async def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        """Undo `wrap`. Raises SealBroken if key, version or binding differ, or if the data was changed."""


@dataclass(frozen=True, slots=True)
class SealedPrivateKey:
    envelope: Envelope = field(repr=False)
    kek: str = FILE
    """Name of the wrapping."""
    kek_version: int = 1
    """Version of the key-encryption key that wraps the data key."""
    seal_version: int = SEAL_VERSION
    """Version of the format."""


class KeySeals:
    """Encrypts private keys, bound to issuer, kid, algorithm and format version, so that rows cannot be exchanged.

    Args:
        wrappings: the first one encrypts; all of them decrypt.
    """

    def __init__(self, wrappings: Sequence[Wrapping], *, issuer: str) -> None:
        self._sealing = wrappings[0]
        self._wrappings = {wrapping.name: wrapping for wrapping in wrappings}
        self._issuer = issuer
        self._tested = False

    async def seal(self, key: SigningKey) -> SealedPrivateKey:
        """Encrypt a private key, after a self-test at the first call. Raises SealBroken if the self-test fails."""
        if not self._tested:
            await self.self_test()
        bound_to = self._binding(key.kid, key.alg, SEAL_VERSION)
        data_key, ciphertext = seal_under_new_key(key.to_pkcs8(), bound_to=bound_to)
        version, wrapped = await self._sealing.wrap(data_key, bound_to=bound_to)
        return SealedPrivateKey(Envelope(wrapped, ciphertext), self._sealing.name, version)

    async def open(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> bytes:
        """Return the private key as PKCS#8 DER. Raises SealBroken: other key-encryption key, other row, or changed."""
        data_key = await self._data_key(sealed, kid=kid, alg=alg)
        bound_to = self._binding(kid, alg, sealed.seal_version)
        return open_under_key(data_key, sealed.envelope.ciphertext, bound_to=bound_to)

    async def rewrap(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> SealedPrivateKey:
        """Wrap the data key under the current key-encryption key, without decrypting the private key."""
        data_key = await self._data_key(sealed, kid=kid, alg=alg)
        bound_to = self._binding(kid, alg, sealed.seal_version)
        version, wrapped = await self._sealing.wrap(data_key, bound_to=bound_to)
        envelope = replace(sealed.envelope, wrapped_key=wrapped)
        return replace(sealed, envelope=envelope, kek=self._sealing.name, kek_version=version)

    async def self_test(self) -> None:
        """Raises SealBroken if the current wrapping cannot unwrap its own output, or ignores the binding."""
        data_key, _ = seal_under_new_key(b"", bound_to=_PROBE)
        version, wrapped = await self._sealing.wrap(data_key, bound_to=_PROBE)
        if await self._sealing.unwrap(wrapped, version=version, bound_to=_PROBE) != data_key:
            raise SealBroken("the key-encryption key does not decrypt what it encrypted")
        try:
            await self._sealing.unwrap(wrapped, version=version, bound_to=_PROBE + b"x")
        except SealBroken:
            self._tested = True
            return
        raise SealBroken("the key-encryption key ignores associated data and cannot bind keys to rows")

    async def current(self) -> tuple[str, int]:
        """Return the name and the version of the current wrapping."""
        return self._sealing.name, await self._sealing.version()

    async def _data_key(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> bytes:
        wrapping = self._wrappings.get(sealed.kek)
        if wrapping is None:
            raise SealBroken(f"encrypted under a key-encryption key of kind {sealed.kek}, which is not configured")
        bound_to = self._binding(kid, alg, sealed.seal_version)
        return await wrapping.unwrap(sealed.envelope.wrapped_key, version=sealed.kek_version, bound_to=bound_to)

    def _binding(self, kid: str, alg: str, seal_version: int) -> bytes:
        return binding(_PURPOSE, self._issuer, kid, alg, seal_version)

"""Private keys at rest: each under a data key of its own, and that under a key-encryption key, wherever it is kept."""

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
    """What a key-encryption key does, wherever it is kept. `bound_to` is needed again to undo it.

    Every method raises TemporarilyUnavailable while the place where it is kept does not answer, or not to us.
    """

    @property
    def name(self) -> str:
        """What is kept with everything that it wraps."""

    async def version(self) -> int:
        """The version that wraps now."""

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[int, bytes]:
        """The version that wrapped it, and the wrapped key."""

    async def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        """Undoes `wrap`. Raises SealBroken: another key, another version, another binding, or changed."""


@dataclass(frozen=True, slots=True)
class SealedPrivateKey:
    envelope: Envelope = field(repr=False)
    kek: str = FILE
    """Which wrapping has the key-encryption key."""
    kek_version: int = 1
    """Which version of it wraps the data key; changing it wraps the data key anew."""
    seal_version: int = SEAL_VERSION
    """Which form the seal has."""


class KeySeals:
    """Seals private keys bound to issuer, kid, algorithm and form, so that no row can stand in for another.

    Args:
        wrappings: the first one seals; all of them open.
    """

    def __init__(self, wrappings: Sequence[Wrapping], *, issuer: str) -> None:
        self._sealing = wrappings[0]
        self._wrappings = {wrapping.name: wrapping for wrapping in wrappings}
        self._issuer = issuer
        self._proven = False

    async def seal(self, key: SigningKey) -> SealedPrivateKey:
        """Nothing is sealed under what was never proven. Raises SealBroken when it is of no use."""
        if not self._proven:
            await self.prove()
        bound_to = self._binding(key.kid, key.alg, SEAL_VERSION)
        data_key, ciphertext = seal_under_new_key(key.to_pkcs8(), bound_to=bound_to)
        version, wrapped = await self._sealing.wrap(data_key, bound_to=bound_to)
        return SealedPrivateKey(Envelope(wrapped, ciphertext), self._sealing.name, version)

    async def open(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> bytes:
        """The private key as PKCS#8 DER. Raises SealBroken: another key-encryption key, another row, or changed."""
        data_key = await self._data_key(sealed, kid=kid, alg=alg)
        bound_to = self._binding(kid, alg, sealed.seal_version)
        return open_under_key(data_key, sealed.envelope.ciphertext, bound_to=bound_to)

    async def rewrap(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> SealedPrivateKey:
        """The same under the key-encryption key that seals now; the private key stays closed. Raises SealBroken."""
        data_key = await self._data_key(sealed, kid=kid, alg=alg)
        bound_to = self._binding(kid, alg, sealed.seal_version)
        version, wrapped = await self._sealing.wrap(data_key, bound_to=bound_to)
        envelope = replace(sealed.envelope, wrapped_key=wrapped)
        return replace(sealed, envelope=envelope, kek=self._sealing.name, kek_version=version)

    async def prove(self) -> None:
        """Raises SealBroken when what seals now does not open its own, or opens it whatever it is bound to."""
        data_key, _ = seal_under_new_key(b"", bound_to=_PROBE)
        version, wrapped = await self._sealing.wrap(data_key, bound_to=_PROBE)
        if await self._sealing.unwrap(wrapped, version=version, bound_to=_PROBE) != data_key:
            raise SealBroken("what seals now opens its own as something else")
        try:
            await self._sealing.unwrap(wrapped, version=version, bound_to=_PROBE + b"x")
        except SealBroken:
            self._proven = True
            return
        raise SealBroken("what seals now binds nothing: its key knows no associated data")

    async def current(self) -> tuple[str, int]:
        """Wrapping and version that seal now."""
        return self._sealing.name, await self._sealing.version()

    async def _data_key(self, sealed: SealedPrivateKey, *, kid: str, alg: str) -> bytes:
        wrapping = self._wrappings.get(sealed.kek)
        if wrapping is None:
            raise SealBroken(f"sealed under a key-encryption key of the kind {sealed.kek}, which is not here")
        bound_to = self._binding(kid, alg, sealed.seal_version)
        return await wrapping.unwrap(sealed.envelope.wrapped_key, version=sealed.kek_version, bound_to=bound_to)

    def _binding(self, kid: str, alg: str, seal_version: int) -> bytes:
        return binding(_PURPOSE, self._issuer, kid, alg, seal_version)

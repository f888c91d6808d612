"""A key-encryption key from a file or a Kubernetes Secret, held in memory."""

from collections.abc import Mapping
from typing import Final

from libs.crypto.errors import SealBroken
from libs.crypto.sealing import KeyEncryptionKey
from services.key_rotation.domain.seals import FILE


class FileWrapping:
    """Implements the Wrapping port.

    Args:
        keys: keys by version; all of them unwrap.
        seals: the version that wraps.
    """

    name: Final = FILE

    def __init__(self, keys: Mapping[int, bytes], *, seals: int) -> None:
        self._keys = {version: KeyEncryptionKey(key) for version, key in keys.items()}
        self._seals = seals

    async def version(self) -> int:
        return self._seals

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[int, bytes]:
        return self._seals, self._keys[self._seals].wrap(data_key, bound_to=bound_to)

    async def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        if version not in self._keys:
            raise SealBroken(f"encrypted under version {version} of the key-encryption key, which is not configured")
        return self._keys[version].unwrap(wrapped, bound_to=bound_to)

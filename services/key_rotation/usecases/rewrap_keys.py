"""Encrypts stored keys under the current key-encryption key, after it was rotated or moved."""

from dataclasses import dataclass, replace

from services.key_rotation.domain.rotation import Change
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.ports import Begin
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.save_changes import save_changes


@dataclass(frozen=True, slots=True)
class RewrapResult:
    done: int
    remaining: int


@dataclass(kw_only=True)
class RewrapKeys:
    """One transaction for each key, so that an interrupted run can be repeated."""

    list_keys: ListKeys
    begin: Begin
    seals: KeySeals

    async def __call__(self) -> RewrapResult:
        """Raises SealBroken if an older key-encryption key that is still needed is not configured."""
        done = remaining = 0
        current = await self.seals.current()
        for key in await self.list_keys():
            if key.private is None or (key.private.kek, key.private.kek_version) == current:
                continue
            private = await self.seals.rewrap(key.private, kid=key.kid, alg=key.alg)
            if await save_changes(self.begin, [Change(key, replace(key, private=private, version=key.version + 1))]):
                done += 1
            else:
                remaining += 1
        return RewrapResult(done, remaining)

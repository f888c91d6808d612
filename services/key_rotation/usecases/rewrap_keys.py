"""After a new key-encryption key, or a new place for it: what the older ones protect is put under it."""

from dataclasses import dataclass, replace

from services.key_rotation.domain.rotation import Change
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.ports import WorkFactory
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.save_changes import save_changes


@dataclass(frozen=True, slots=True)
class Rewrapped:
    done: int
    remaining: int


class RewrapKeys:
    """Each key in a transaction of its own: a job that dies goes on with those that are left."""

    def __init__(self, *, list_keys: ListKeys, work: WorkFactory, seals: KeySeals) -> None:
        self._list_keys = list_keys
        self._work = work
        self._seals = seals

    async def __call__(self) -> Rewrapped:
        """Raises SealBroken when a key-encryption key that is still needed is not here."""
        done = remaining = 0
        current = await self._seals.current()
        for key in await self._list_keys():
            if key.private is None or (key.private.kek, key.private.kek_version) == current:
                continue
            private = await self._seals.rewrap(key.private, kid=key.kid, alg=key.alg)
            if await save_changes(self._work, [Change(key, replace(key, private=private, version=key.version + 1))]):
                done += 1
            else:
                remaining += 1
        return Rewrapped(done, remaining)

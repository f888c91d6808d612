"""Rotates keys: announces next keys, activates them, and retires old ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.servicekit.base.clock import Clock
from services.key_rotation.domain.keys import ALGS
from services.key_rotation.domain.rotation import due_changes
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.ports import Begin, TryLock, View
from services.key_rotation.usecases.ensure_keys import EnsureKeys
from services.key_rotation.usecases.save_changes import save_changes

MAX_SKIPPED_STEPS = 3
"""A replica skips at most this many steps in a row while another replica has the lock."""


@dataclass(kw_only=True)
class AdvanceKeys:
    """A step for a timer. Any number of replicas may run it: a change is saved only over the version that it was
    derived from. The lock only avoids that replicas do the same work.
    """

    ensure: EnsureKeys
    view: View
    begin: Begin
    lock: TryLock
    policy: RotationPolicy
    clock: Clock
    _skipped: int = field(default=0, init=False)

    async def __call__(self) -> bool:
        """Run one step. Returns True if something changed and another step may be due.

        Raises TemporarilyUnavailable.
        """
        async with self.lock() as locked:
            if not locked and self._skipped < MAX_SKIPPED_STEPS:
                self._skipped += 1
                return False
            self._skipped = 0
            return await self.step()

    async def settle(self, algs: Sequence[str] = ALGS) -> None:
        """Run steps without the lock until nothing is due."""
        while await self.step(algs):
            continue

    async def step(self, algs: Sequence[str] = ALGS) -> bool:
        """Run one step without the lock."""
        changed = [await self._change(alg) for alg in algs]
        created = await self.ensure(algs)
        return created or any(changed)

    async def _change(self, alg: str) -> bool:
        async with self.view() as view:
            history = await view.keys.history(alg)
        # The clock is read after the query: what was read is committed at this time, and all waits start here.
        changes = due_changes(history, policy=self.policy, now=self.clock.now())
        return bool(changes) and await save_changes(self.begin, changes)

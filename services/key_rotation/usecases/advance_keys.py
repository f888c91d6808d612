"""The keys move on by themselves: announced, active, retiring, retired."""

from collections.abc import Sequence

from libs.servicekit.base.clock import Clock
from services.key_rotation.domain.keys import ALGS
from services.key_rotation.domain.rotation import due
from services.key_rotation.domain.waits import Waits
from services.key_rotation.ports import Turns, ViewFactory, WorkFactory
from services.key_rotation.usecases.ensure_keys import EnsureKeys
from services.key_rotation.usecases.save_changes import save_changes

YIELDS = 3
"""So often a replica leaves the work to another one; after that it no longer believes that somebody does it."""


class AdvanceKeys:
    """A step for a timer. Any number of replicas may run it: each change is saved over the version that it was judged
    from, and the turns that replicas take only spare them from doing the same thing twice.
    """

    def __init__(
        self, *, ensure: EnsureKeys, view: ViewFactory, work: WorkFactory, turns: Turns, waits: Waits, clock: Clock
    ) -> None:
        self._ensure = ensure
        self._view = view
        self._work = work
        self._turns = turns
        self._waits = waits
        self._clock = clock
        self._yielded = 0

    async def __call__(self) -> bool:
        """One step; True when it was one, and the next may be due. Raises TemporarilyUnavailable."""
        async with self._turns() as ours:
            if not ours and self._yielded < YIELDS:
                self._yielded += 1
                return False
            self._yielded = 0
            return await self.now()

    async def settle(self, algs: Sequence[str] = ALGS) -> None:
        """Step by step until nothing more is due, whoever's turn it is."""
        while await self.now(algs):
            continue

    async def now(self, algs: Sequence[str] = ALGS) -> bool:
        """One step, whoever's turn it is."""
        moved = [await self._move(alg) for alg in algs]
        made = await self._ensure(algs)
        return made or any(moved)

    async def _move(self, alg: str) -> bool:
        async with self._view() as view:
            history = await view.keys.history(alg)
        # After the look, and not before: what was found is stored by now, and all waits are counted from here.
        changes = due(history, waits=self._waits, now=self._clock.now())
        return bool(changes) and await save_changes(self._work, changes)

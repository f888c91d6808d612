"""Lists all keys for operators."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.key_rotation.domain.keys import ALGS, Key
from services.key_rotation.ports import View


@dataclass(kw_only=True)
class ListKeys:
    view: View

    async def __call__(self, algs: Sequence[str] = ALGS) -> list[Key]:
        """Return all keys of the algorithms in every state, oldest first for each algorithm."""
        async with self.view() as view:
            return [key for alg in algs for key in await view.keys.history(alg)]

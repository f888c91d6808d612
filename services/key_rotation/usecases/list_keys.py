"""The keys as an operator sees them."""

from collections.abc import Sequence

from services.key_rotation.domain.keys import ALGS, Key
from services.key_rotation.ports import ViewFactory


class ListKeys:
    def __init__(self, *, view: ViewFactory) -> None:
        self._view = view

    async def __call__(self, algs: Sequence[str] = ALGS) -> list[Key]:
        """Every key that the algorithms ever had, oldest first for each."""
        async with self._view() as view:
            return [key for alg in algs for key in await view.keys.history(alg)]

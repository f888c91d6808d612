"""Whom a rotation has not reached yet, as far as we can see."""

from collections.abc import Sequence
from typing import Final

from services.token.domain.tokens.retired_keys import FormerKeyUse
from services.token.ports import Begin

MOST: Final = 500


class ListFormerKeyUses:
    def __init__(self, view: Begin) -> None:
        self._view = view

    async def __call__(self) -> Sequence[FormerKeyUse]:
        """Whoever came last first, at most MOST."""
        async with self._view() as work:
            return await work.former_key_uses.latest(most=MOST)

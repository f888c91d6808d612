"""Whom a rotation has not reached yet, as far as we can see."""

from collections.abc import Sequence
from typing import Final

from services.token.domain.tokens.retired_keys import RetiredKeyUse
from services.token.ports.work import View

MAX_LISTED: Final = 500


class ListRetiredKeyUses:
    def __init__(self, view: View) -> None:
        self._view = view

    async def __call__(self) -> Sequence[RetiredKeyUse]:
        """Whoever came last first, at most MOST."""
        async with self._view() as view:
            return await view.retired_key_uses.latest(limit=MAX_LISTED)

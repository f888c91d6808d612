"""Lists clients that still present tokens signed by retired keys."""

from collections.abc import Sequence
from typing import Final

from services.token.domain.tokens.retired_keys import RetiredKeyUse
from services.token.ports.work import View

MAX_LISTED: Final = 500


class ListRetiredKeyUses:
    def __init__(self, view: View) -> None:
        self._view = view

    async def __call__(self) -> Sequence[RetiredKeyUse]:
        """Return the uses, most recent first, at most MAX_LISTED."""
        async with self._view() as view:
            return await view.retired_key_uses.latest(limit=MAX_LISTED)

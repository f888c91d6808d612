"""Lists clients that still present tokens signed by retired keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.token.domain.tokens.retired_keys import RetiredKeyUse
from services.token.ports.work import View

MAX_LISTED: Final = 500


@dataclass(frozen=True, kw_only=True)
class ListRetiredKeyUses:
    view: View

    async def __call__(self) -> Sequence[RetiredKeyUse]:
        """Return the uses, most recent first, at most MAX_LISTED."""
        async with self.view() as view:
            return await view.retired_key_uses.latest(limit=MAX_LISTED)

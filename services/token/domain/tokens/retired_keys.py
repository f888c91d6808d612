"""Uses of retired keys: presented tokens by client and key."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

KEPT_FOR: Final = timedelta(days=30)
"""After the last time."""


class PresentedAs(StrEnum):
    """How a token came to us."""

    USERINFO = "userinfo"
    INTROSPECTION = "introspection"
    REVOCATION = "revocation"
    ID_TOKEN_HINT = "id_token_hint"


@dataclass(frozen=True, slots=True)
class RetiredKeyUse:
    client_id: str
    """The client that the token was issued to."""
    kid: str
    presented_as: PresentedAs
    count: int
    first_at: datetime
    last_at: datetime

    def and_again(self, later: Self) -> Self:
        return replace(
            self,
            count=self.count + later.count,
            first_at=min(self.first_at, later.first_at),
            last_at=max(self.last_at, later.last_at),
        )

    @property
    def key(self) -> tuple[str, str, PresentedAs]:
        return self.kid, self.client_id, self.presented_as

"""Which users a list contains, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from services.authentication.domain.accounts.account import AccountState


class UserOrder(Enum):
    CREATED = "created"
    """By id, which is in the order of creation."""
    USERNAME = "username"
    """By the normalized username."""


@dataclass(frozen=True, kw_only=True)
class UserFilter:
    words: Sequence[str] = ()
    """Normalized; each one is the beginning of a word of the user (domain/accounts/search.py)."""
    address_key: str | None = None
    state: AccountState | None = None
    """None: active and disabled users."""

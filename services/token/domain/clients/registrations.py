"""Clients that registered themselves, and the tokens by which operators let them (RFC 7591, RFC 7592)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.crypto.hashing import hashes_equal, secret_hash

REGISTRATION_WINDOW = timedelta(hours=1)
"""Within which registrations are counted."""
_PROLONGED_AT_MOST_EVERY = timedelta(days=1)
_MAX_TOKEN_LIFETIME = timedelta(days=365)
_MAX_USES = 100_000


@dataclass(frozen=True)
class Registration:
    """What a client has for having registered itself."""

    token_hash: bytes = field(repr=False)
    """Of its registration access token."""
    expires_at: datetime
    """The client is removed then, unless a user signs in to it before or a grant is still valid."""

    def belongs_to(self, token: str) -> bool:
        return hashes_equal(self.token_hash, secret_hash(token))

    def is_due(self, *, lifetime: timedelta, now: datetime) -> bool:
        """Has its life been prolonged so long ago that a use should do it again? At most one write a day."""
        return self.expires_at < now + lifetime - _PROLONGED_AT_MOST_EVERY


@dataclass(frozen=True, kw_only=True)
class RegistrationQuota:
    """How many clients may register themselves within REGISTRATION_WINDOW, and how many there may be."""

    per_address: int
    """From one /24 or /48, of those without an initial access token."""
    overall: int
    alive: int


@dataclass(frozen=True, kw_only=True)
class InitialAccessToken:
    """A token for a limited number of registrations (RFC 7591 1.2)."""

    token_id: str
    uses_left: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class NewInitialAccessToken:
    """One on the one occasion when it is known; only the hash stays."""

    record: InitialAccessToken
    token: str = field(repr=False)


def uses_valid(uses: int) -> bool:
    return 1 <= uses <= _MAX_USES


def lifetime_valid(life: timedelta) -> bool:
    return timedelta(seconds=1) <= life <= _MAX_TOKEN_LIFETIME

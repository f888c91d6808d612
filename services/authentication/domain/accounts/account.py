"""One user who may sign in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.authentication.domain.accounts.claims import Profile

_WORD = re.compile(r"\w{3,}")


class AccountState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"
    """Only the id is kept, so that it is never assigned again."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user account without credentials."""

    id: str
    """The `sub`: a UUIDv7 that is never reassigned (OpenID Connect Core 2)."""
    username: str
    state: AccountState
    profile: Profile
    created_at: datetime
    profile_updated_at: datetime
    attributes: Mapping[str, object] = field(default_factory=dict)
    """What an operator has added to the standard claims (libs/oauth/attributes.py)."""
    has_second_factor: bool = False
    """A password alone does not sign in."""
    grants_not_before: datetime | None = None
    """Grants that clients got before this time are refused: then the password was changed, the second factors were
    reset, or the account was disabled. None: it never happened.
    """

    @property
    def active(self) -> bool:
        return self.state is AccountState.ACTIVE

    @property
    def display_name(self) -> str:
        """What to call the user on a page."""
        return self.profile.name or self.profile.given_name or self.profile.nickname or self.username

    def with_claims(self, profile: Profile, attributes: Mapping[str, object], *, now: datetime) -> "Account":
        return replace(self, profile=profile, attributes=attributes, profile_updated_at=now)

    def stored_claims(self) -> dict[str, object]:
        """Return the standard claims and the attributes of the account."""
        return {**self.attributes, **self.profile.claims()}

    @property
    def words(self) -> tuple[str, ...]:
        """Personal data that must not raise the score of a password."""
        profile = self.profile
        names = (profile.name, profile.given_name, profile.family_name, profile.middle_name, profile.nickname)
        texts = (self.username, *names, profile.email, profile.birthdate, profile.phone_number)
        parts = [part for text in texts if text for part in (text, text.replace(" ", ""), *_WORD.findall(text))]
        return tuple(dict.fromkeys(parts))

    def claims(self) -> dict[str, object]:
        """Return all claims that have a value, except `sub` (OpenID Connect Core 5.1)."""
        claims = self.stored_claims()
        claims.setdefault("preferred_username", self.username)
        claims["updated_at"] = int(self.profile_updated_at.timestamp())
        return claims


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The data that a sign-in is checked against."""

    user_id: str
    state: AccountState
    password_hash: str = field(repr=False)
    password_version: int
    """Increases when the password changes, but not when the same password is hashed again."""
    has_second_factor: bool = False

    @property
    def active(self) -> bool:
        return self.state is AccountState.ACTIVE

    def still_holds(self, current: "Credentials | None") -> bool:
        """Whether the password is unchanged and the account is still active."""
        return current is not None and current.active and current.password_version == self.password_version

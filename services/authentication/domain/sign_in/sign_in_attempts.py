"""A sign-in attempt: the password was correct, the second factor is pending."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from libs.crypto.hashing import hashes_equal
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.account import Credentials

LIFETIME = timedelta(minutes=10)
MAX_PER_USER = 100
"""Attempts of one user; the oldest are deleted."""
_NO_SESSION = b""


class AttemptKind(StrEnum):
    SIGN_IN = "sign_in"
    STEP_UP = "step_up"
    """The browser has a session, which is to become one of a higher class."""


@dataclass(frozen=True, kw_only=True)
class SignInAttempt:
    secret_hash: bytes
    kind: AttemptKind
    user_id: str
    username: str
    username_key: str
    password_version: int
    session_hash: bytes | None
    """Of the session that the browser had when it began, by its secret."""
    amr: tuple[str, ...]
    """What has been shown so far."""
    expires_at: datetime
    completed_at: datetime | None = None

    def is_open(self, *, session_hash: bytes | None, now: datetime) -> bool:
        """It can still be completed, in the browser in which it began: with the same session, or none, as then."""
        same_browser = hashes_equal(self.session_hash or _NO_SESSION, session_hash or _NO_SESSION)
        return same_browser and self.completed_at is None and now < self.expires_at

    def still_holds(self, current: Credentials | None) -> bool:
        """What its first step was judged by is still so."""
        return current is not None and current.active and current.password_version == self.password_version


def unknown_attempt() -> AccessDenied:
    """One error for unknown, expired, completed and foreign attempts and for a changed password."""
    return AccessDenied(
        "The sign-in attempt is unknown, completed or expired: start again.",
        reason=Reason.ATTEMPT_UNKNOWN,
        redirectable=False,
    )

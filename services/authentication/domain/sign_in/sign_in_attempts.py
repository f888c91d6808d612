"""A sign-in between its two steps: the password was right, and a second factor is still to be shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from libs.crypto.hashing import hashes_equal
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.account import Credentials

LIFETIME = timedelta(minutes=10)
MAX_PER_USER = 100
"""Whoever knows a password can begin as many as they like; the oldest give way."""
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
    """Never existed, expired, completed, begun in another browser, or overtaken by a new password: never told apart."""
    return AccessDenied(
        "The sign-in attempt is unknown, completed or expired: start again.",
        reason=Reason.ATTEMPT_UNKNOWN,
        redirectable=False,
    )

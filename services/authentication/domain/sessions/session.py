"""A session of a signed-in browser, and its lifetime."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from libs.crypto.random import uuid7
from libs.oauth import acr
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason

AMR_PASSWORD = ("pwd",)
AMR_ONE_TIME = ("otp", "mfa")
"""What a one-time password adds to a password (RFC 8176 2)."""
MAX_LIVE_PER_USER = 1_000
"""Scripts sign in without signing out. The limit bounds the transaction that ends all sessions."""
RECENT_SIGN_IN = timedelta(minutes=10)
"""How long after a sign-in a user may change factors, the address or delete the account."""
TOUCH_AFTER = timedelta(minutes=1)
"""How stale the recorded last use may grow before it is worth a write."""


class EndReason(StrEnum):
    SIGNED_OUT = "signed_out"
    REPLACED = "replaced"
    PASSWORD_CHANGED = "password_changed"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_DELETED = "account_deleted"
    EXPIRED = "expired"
    FACTORS_RESET = "factors_reset"
    REVOKED_BY_OPERATOR = "revoked_by_operator"


@dataclass(frozen=True)
class Lifetimes:
    """How long a session lives: unused, and at all."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, kw_only=True)
class Session:
    id: str
    """The `sid` claim. It is public and not a credential."""
    user_id: str
    authenticated_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    acr: str
    amr: tuple[str, ...]
    ended_at: datetime | None = None

    @classmethod
    def started(
        cls, user_id: str, *, now: datetime, lifetimes: Lifetimes, amr: tuple[str, ...] = AMR_PASSWORD
    ) -> "Session":
        """A session that begins now, by what was shown (RFC 8176 2)."""
        return cls(
            id=uuid7(now),
            user_id=user_id,
            authenticated_at=now,
            expires_at=now + lifetimes.absolute,
            last_seen_at=now,
            acr=acr_of(amr),
            amr=amr,
        )

    def live(self, *, now: datetime, lifetimes: Lifetimes) -> bool:
        """Not ended, not expired and not idle for too long."""
        return self.ended_at is None and now < self.expires_at and now < self.last_seen_at + lifetimes.idle

    def is_recent(self, *, has_second_factor: bool, now: datetime) -> bool:
        """The user proved who they are a short while ago, and with a second factor if they have one."""
        if has_second_factor and not acr.satisfies(self.acr, acr.MFA):
            return False
        return now - self.authenticated_at <= RECENT_SIGN_IN

    def worth_touching(self, *, now: datetime) -> bool:
        return now >= self.last_seen_at + TOUCH_AFTER


def acr_of(amr: tuple[str, ...]) -> str:
    """The class of a sign-in by these methods."""
    return acr.MFA if "mfa" in amr else acr.PASSWORD


def amr_with(amr: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Both, each once, in the order in which they were shown; `mfa`, which sums them up, at the end."""
    shown = tuple(dict.fromkeys(method for method in (*amr, *more) if method != "mfa"))
    return (*shown, "mfa") if "mfa" in (*amr, *more) else shown


def require_recent_sign_in(session: Session, *, has_second_factor: bool, now: datetime) -> None:
    """Raises AccessDenied: REAUTHENTICATION_REQUIRED, when the user has to sign in again first."""
    if not session.is_recent(has_second_factor=has_second_factor, now=now):
        raise AccessDenied(
            "The sign-in is not recent enough: the user must sign in again.",
            reason=Reason.REAUTHENTICATION_REQUIRED,
            redirectable=False,
        )


@dataclass(frozen=True)
class EndedSession:
    """A session that has just ended, for its event."""

    id: str
    user_id: str

"""Second factors of a user."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from libs.crypto.sealing import binding
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason

MAX_PER_KIND = 10
"""Factors that one user may have of each kind."""
ENROLMENT_LIFETIME = timedelta(minutes=15)
MAX_NAME = 60


class FactorKind(StrEnum):
    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A factor as listed to its user."""

    id: str
    kind: FactorKind
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class TotpFactor:
    """An authenticator app."""

    id: str
    sealed_secret: bytes = field(repr=False)
    last_step: int
    """The latest step whose code was used: neither it nor an earlier one is good again (RFC 6238 5.2)."""


@dataclass(frozen=True, kw_only=True)
class TotpEnrolment:
    """An authenticator app that is being set up in one session. It is no factor until a code confirms it."""

    user_id: str
    session_id: str
    sealed_secret: bytes = field(repr=False)
    expires_at: datetime

    def holds(self, *, session_id: str, now: datetime) -> bool:
        """It was begun in this session, a short while ago."""
        return self.session_id == session_id and now < self.expires_at


def totp_binding(user_id: str) -> bytes:
    """Binds a sealed secret to its user, so that it cannot be moved to another row."""
    return binding("latchkey totp secret v1", user_id)


def check_name(typed: str, *, otherwise: str) -> str:
    """The name that a user gives to a factor. Raises InvalidRequest: FACTOR_NAME."""
    name = " ".join(typed.split())
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidRequest(f"name must have at most {MAX_NAME} printable characters.", reason=Reason.FACTOR_NAME)
    return name or otherwise


def too_many() -> InvalidRequest:
    return InvalidRequest(
        "The account has reached the maximum number of factors of this kind: remove one first.",
        reason=Reason.FACTORS_TOO_MANY,
    )


def wrong_proof() -> AccessDenied:
    return AccessDenied("The second factor is invalid.", reason=Reason.WRONG_PROOF, redirectable=False)

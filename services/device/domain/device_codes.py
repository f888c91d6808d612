"""State machine of a device authorization (RFC 8628 3).

    PENDING -> APPROVED -> REDEEMED
       |          |
       |          +-> EXPIRED
       +-> DENIED
       +-> EXPIRED

A transition returns a new value. The store saves it with one conditional statement, so only one caller succeeds.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.oauth.errors import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, InvalidRequest
from libs.oauth.reasons import Reason

SLOWER_BY = timedelta(seconds=5)
"""Added to the interval for each slow_down (RFC 8628 3.5)."""
MAX_INTERVAL = timedelta(seconds=60)
"""Each slow_down writes the longer interval to SQL until this value is reached."""
_MIN_SHARE = 0.9
"""A poll is too early before this share of the interval. The rest allows for clock and network differences."""


class State(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    """Set by the sweep. Until then `expires_at` alone decides whether a code has expired."""


@dataclass(frozen=True)
class Approval:
    """The user who approved. `attested_session` is opaque here; the token service verifies its MAC."""

    user_id: str
    session_id: str
    attested_session: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DeviceCode:
    id: str
    """Not secret. Correlation id of all events of this device authorization."""
    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    """Resources for which tokens are requested (RFC 8707)."""
    requested_from: str
    """Address prefix of the device; empty if unknown."""
    interval: timedelta
    created_at: datetime
    expires_at: datetime
    state: State = State.PENDING
    last_polled_at: datetime | None = None
    decided_at: datetime | None = None
    approval: Approval | None = None
    redeemed_at: datetime | None = None

    def collect(self, client_id: str, *, now: datetime) -> Approval:
        """Return the approval for a poll of this client (RFC 8628 3.5). Does not change the code.

        Raises:
            InvalidGrant: the code belongs to another client or was redeemed before.
            AccessDenied: the user denied the request.
            ExpiredToken: the code has expired.
            AuthorizationPending: the user has not decided yet.
        """
        if client_id != self.client_id:
            raise InvalidGrant(reason=Reason.DEVICE_CODE_OF_ANOTHER_CLIENT)
        if self.state is State.REDEEMED:
            raise InvalidGrant(reason=Reason.DEVICE_CODE_SPENT)
        if self.state is State.DENIED:
            raise AccessDenied("The user denied the request.", reason=Reason.DEVICE_DENIED)
        if self.state is State.EXPIRED or now >= self.expires_at:
            raise ExpiredToken(reason=Reason.DEVICE_CODE_EXPIRED)
        if self.approval is None:
            raise AuthorizationPending(reason=Reason.DEVICE_PENDING)
        return self.approval

    def is_too_early(self, last_polled_at: datetime | None, *, now: datetime) -> bool:
        """Return True if a poll now comes too soon after the last one."""
        return last_polled_at is not None and now - last_polled_at < self.interval * _MIN_SHARE

    def slowed_down(self, *, now: datetime) -> "DeviceCode":
        """Return the code with an interval that is longer by SLOWER_BY, at most MAX_INTERVAL."""
        return replace(self, interval=min(self.interval + SLOWER_BY, MAX_INTERVAL), last_polled_at=now)

    def approve(self, approval: Approval, *, now: datetime) -> "DeviceCode":
        """Raises InvalidRequest if the code is not pending or has expired."""
        self._require_pending(now=now)
        return replace(self, state=State.APPROVED, approval=approval, decided_at=now)

    def deny(self, *, now: datetime) -> "DeviceCode":
        """Raises InvalidRequest if the code is not pending or has expired."""
        self._require_pending(now=now)
        return replace(self, state=State.DENIED, decided_at=now)

    def redeem(self, client_id: str, *, now: datetime) -> "DeviceCode":
        """Return the redeemed code. Raises as `collect` does."""
        self.collect(client_id, now=now)
        return replace(self, state=State.REDEEMED, redeemed_at=now)

    def _require_pending(self, *, now: datetime) -> None:
        if self.state is not State.PENDING or now >= self.expires_at:
            raise unknown_user_code()


def unknown_user_code() -> InvalidRequest:
    """The same error for unknown, expired and decided codes, so that a caller cannot tell them apart."""
    return InvalidRequest("user_code is unknown or expired.", reason=Reason.USER_CODE_UNKNOWN, redirectable=False)


def unknown_device_code() -> InvalidGrant:
    return InvalidGrant(reason=Reason.DEVICE_CODE_UNKNOWN)

"""A device authorization on its way (RFC 8628 3).

    PENDING -> APPROVED -> REDEEMED
       |          |
       |          +-> EXPIRED
       +-> DENIED
       +-> EXPIRED

A transition returns the next value; whether it becomes true is decided by one conditional statement of the store.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.oauth.errors import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, InvalidRequest
from libs.oauth.reasons import Reason

SLOWER_BY = timedelta(seconds=5)
"""RFC 8628 3.5."""
LONGEST_INTERVAL = timedelta(seconds=60)
"""A device that never learns costs one write for each step up to here, and then none."""
_HASTE = 0.9
"""Of the interval: clocks and networks are not exact, and nobody is punished for that."""


class State(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    """Told of as such. Long before that, `expires_at` alone decides."""


@dataclass(frozen=True)
class Approval:
    """Whose yes it was. `attested_session` is opaque here: who made it and for whom, the token service verifies."""

    user_id: str
    session_id: str
    attested_session: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DeviceCode:
    id: str
    """Public: joins all events of this device authorization."""
    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    """What the tokens will be for (RFC 8707)."""
    requested_from: str
    """Address prefix of the device; empty when it is not known."""
    interval: timedelta
    created_at: datetime
    expires_at: datetime
    state: State = State.PENDING
    last_polled_at: datetime | None = None
    decided_at: datetime | None = None
    approval: Approval | None = None
    redeemed_at: datetime | None = None

    def collect(self, client_id: str, *, now: datetime) -> Approval:
        """What a poll of this client gets (RFC 8628 3.5); spends nothing.

        Raises:
            InvalidGrant: another client's, or spent. Nothing else is told of it.
            AccessDenied, ExpiredToken: the end.
            AuthorizationPending: nobody has decided.
        """
        if client_id != self.client_id:
            raise InvalidGrant(reason=Reason.DEVICE_CODE_OF_ANOTHER_CLIENT)
        if self.state is State.REDEEMED:
            raise InvalidGrant(reason=Reason.DEVICE_CODE_SPENT)
        if self.state is State.DENIED:
            raise AccessDenied("The person refused.", reason=Reason.DEVICE_DENIED)
        if self.state is State.EXPIRED or now >= self.expires_at:
            raise ExpiredToken(reason=Reason.DEVICE_CODE_EXPIRED)
        if self.approval is None:
            raise AuthorizationPending(reason=Reason.DEVICE_PENDING)
        return self.approval

    def is_hasty(self, last_polled_at: datetime | None, *, now: datetime) -> bool:
        """Does a poll now come too soon after that one?"""
        return last_polled_at is not None and now - last_polled_at < self.interval * _HASTE

    def slowed_down(self, *, now: datetime) -> "DeviceCode":
        """Five seconds slower from now on, to LONGEST_INTERVAL at most."""
        return replace(self, interval=min(self.interval + SLOWER_BY, LONGEST_INTERVAL), last_polled_at=now)

    def approve(self, approval: Approval, *, now: datetime) -> "DeviceCode":
        """Raises InvalidRequest when there is nothing to decide any more."""
        self._require_waiting(now=now)
        return replace(self, state=State.APPROVED, approval=approval, decided_at=now)

    def deny(self, *, now: datetime) -> "DeviceCode":
        """Raises InvalidRequest when there is nothing to decide any more."""
        self._require_waiting(now=now)
        return replace(self, state=State.DENIED, decided_at=now)

    def redeem(self, client_id: str, *, now: datetime) -> "DeviceCode":
        """Spent, for good. Raises as `collect` does."""
        self.collect(client_id, now=now)
        return replace(self, state=State.REDEEMED, redeemed_at=now)

    def _require_waiting(self, *, now: datetime) -> None:
        if self.state is not State.PENDING or now >= self.expires_at:
            raise unknown_user_code()


def unknown_user_code() -> InvalidRequest:
    """One answer for every code that waits for nobody: never was, expired, decided."""
    return InvalidRequest("The code is not known, or has expired.", reason=Reason.USER_CODE_UNKNOWN, redirectable=False)


def unknown_device_code() -> InvalidGrant:
    return InvalidGrant(reason=Reason.DEVICE_CODE_UNKNOWN)

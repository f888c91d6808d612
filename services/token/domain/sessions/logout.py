"""Back-channel logout deliveries (OpenID Connect Back-Channel Logout 1.0)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from libs.backoff import Backoff

LEASE = timedelta(minutes=1)
"""For so long an attempt belongs to the replica that began it; longer than any fetch may take."""
BACKOFF = Backoff(first_pause=timedelta(seconds=5), max_pause=timedelta(hours=4))
GIVE_UP_AFTER = timedelta(days=1)
"""After this time a failing delivery is given up."""
KEEP = timedelta(days=2)
"""From the end of the session on: how long there is a row that says what came of it."""
SESSION_CLIENT_LIFETIME = timedelta(days=400)
"""The longest life that an operator can give a session: a net below the event that a session has ended."""
_DELIVERED = frozenset({200, 204})
_REFUSED = 400


class Outcome(StrEnum):
    """How a delivery ended."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The client says that the token is wrong, or that it could not log out (2.8): asking again changes nothing."""
    GIVEN_UP = "given_up"
    CLIENT_GONE = "client_gone"
    """The client was deleted or no longer has a back-channel logout URI."""


@dataclass(frozen=True, kw_only=True)
class LogoutDelivery:
    """The back-channel logout of one client for one session."""

    delivery_id: str
    session_id: str
    client_id: str
    user_id: str
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    """Begun, this one included."""

    def after(self, status: int | None, *, now: datetime) -> "Outcome | datetime":
        """How it ended, or when to try again. `status`: of the client's answer; None when there was none."""
        if status in _DELIVERED:
            return Outcome.DELIVERED
        if status == _REFUSED:
            return Outcome.REFUSED
        next_try = now + BACKOFF.pause_after(self.attempts)
        return Outcome.GIVEN_UP if next_try > self.created_at + GIVE_UP_AFTER else next_try

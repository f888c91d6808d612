"""One event on its way to one receiver."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from libs.backoff import Backoff

AT_ONCE = 4
"""For each webhook; one for one that is failing, so that slow and dead receivers cost one place."""
LEASE = timedelta(minutes=1)
"""For so long an attempt belongs to the replica that began it; longer than any request may take."""
BACKOFF = Backoff(first_pause=timedelta(seconds=5), max_pause=timedelta(hours=4), jitter=0.2)
PATIENCE = timedelta(days=1)
"""What was not taken for so long is given up."""
_REFUSALS_OF_ONE = frozenset(range(400, 500)) - {401, 403, 404, 408, 410, 421, 425, 429}


class State(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of an attempt. `status`: None when there was no answer, and `error` says why."""

    status: int | None
    error: str = ""
    retry_after: timedelta | None = None
    excerpt: str = ""
    milliseconds: int = 0
    ours: bool = False
    """We did not get to it: this says nothing about the receiver."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Standard Webhooks: the receiver wants no more of them."""
        return self.status == 410


@dataclass(frozen=True, kw_only=True)
class Delivery:
    delivery_id: str
    webhook_id: str
    event_id: str
    body: str
    expires_at: datetime
    attempts: int
    """Begun, this one included."""

    def after(self, answer: Answer, *, now: datetime, chance: float) -> "State | datetime":
        """How it ended, or when to try again. `chance`: a random number from 0 to 1, so that not all come at once."""
        if answer.delivered:
            return State.DELIVERED
        if answer.ours:
            return now + BACKOFF.first_pause
        next_try = now + max(BACKOFF.pause_after(self.attempts, chance=chance), answer.retry_after or timedelta())
        return State.GIVEN_UP if next_try > self.expires_at or answer.gone else next_try


@dataclass(frozen=True, kw_only=True)
class LoggedAttempt:
    attempted_at: datetime
    status: int | None
    error: str
    milliseconds: int
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class LoggedDelivery:
    """As operators see it."""

    event_id: str
    event_name: str
    subject: str
    state: State
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime | None
    latest_attempts: Sequence[LoggedAttempt]


def is_refusal_of_one(answer: Answer) -> bool:
    """The receiver is there and does not like this event; others may go on."""
    return answer.status in _REFUSALS_OF_ONE


def read_retry_after(value: str, *, now: datetime) -> timedelta | None:
    """Seconds, or a date (RFC 9110 10.2.3); None for anything else, and for the past."""
    if value.isascii() and value.isdigit() and len(value) < 9:
        return timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
        return at - now if at.tzinfo is not None and at > now else None
    except (ValueError, TypeError):
        return None

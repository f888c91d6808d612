"""The delivery of one event to one webhook: states, retries and results of attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from libs.backoff import Backoff

MAX_CONCURRENT = 4
"""Concurrent attempts for one webhook. A webhook that is failing gets one, so that it occupies one place only."""
LEASE = timedelta(minutes=1)
"""Lease of a claimed delivery. Longer than the timeout of a request."""
BACKOFF = Backoff(first_pause=timedelta(seconds=5), max_pause=timedelta(hours=4), jitter=0.2)
DELIVERY_LIFETIME = timedelta(days=1)
"""A delivery without success is given up after this time."""
_EVENT_REFUSED = frozenset(range(400, 500)) - {401, 403, 404, 408, 410, 421, 425, 429}


class State(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class AttemptResult:
    """Result of one attempt. `status` is None if there was no response; then `error` names the cause."""

    status: int | None
    error: str = ""
    retry_after: timedelta | None = None
    excerpt: str = ""
    milliseconds: int = 0
    not_sent: bool = False
    """The request was not sent because this service was busy. It is not counted as an attempt."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410 Gone: the receiver does not want further messages (Standard Webhooks)."""
        return self.status == 410


@dataclass(frozen=True, kw_only=True)
class Delivery:
    delivery_id: str
    webhook_id: str
    event_id: str
    body: str
    expires_at: datetime
    attempts: int
    """Number of attempts that have begun, including this one."""

    def next_step(self, result: AttemptResult, *, now: datetime, chance: float) -> "State | datetime":
        """Return the final state, or the time of the next attempt. `chance` is a random number from 0 to 1."""
        if result.delivered:
            return State.DELIVERED
        if result.not_sent:
            return now + BACKOFF.first_pause
        next_try = now + max(BACKOFF.pause_after(self.attempts, chance=chance), result.retry_after or timedelta())
        return State.GIVEN_UP if next_try > self.expires_at or result.gone else next_try


@dataclass(frozen=True, kw_only=True)
class LoggedAttempt:
    attempted_at: datetime
    status: int | None
    error: str
    milliseconds: int
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class LoggedDelivery:
    """A delivery in the delivery log."""

    event_id: str
    event_name: str
    subject: str
    state: State
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime | None
    latest_attempts: Sequence[LoggedAttempt]


def is_refusal_of_event(result: AttemptResult) -> bool:
    """Return True if the receiver works and refuses this event only. Other events are sent without a pause."""
    return result.status in _EVENT_REFUSED


def parse_retry_after(value: str, *, now: datetime) -> timedelta | None:
    """Parse seconds or a date (RFC 9110 10.2.3). Returns None for other values and for past dates."""
    if value.isascii() and value.isdigit() and len(value) < 9:
        return timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
        return at - now if at.tzinfo is not None and at > now else None
    except (ValueError, TypeError):
        return None

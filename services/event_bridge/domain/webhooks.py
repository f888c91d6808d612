"""A webhook: URL, filters, and the state of its receiver."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.event_bridge.domain.deliveries import AttemptResult, is_refusal_of_event
from services.event_bridge.domain.filters import Filter, any_matches

FIRST_REST = timedelta(seconds=5)
MAX_REST = timedelta(minutes=5)
MAX_RETRY_AFTER = timedelta(hours=1)
"""Longer Retry-After values are cut to this, so that a receiver that works again gets events soon."""
MAX_OVERLAP = timedelta(days=30)


class DisabledReason(StrEnum):
    OPERATOR = "operator"
    FAILING = "failing"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    webhook_id: str
    url: str
    filters: Sequence[str]
    description: str
    created_at: datetime
    disabled_reason: DisabledReason | None = None
    failing_since: datetime | None = None
    """Start of the current series of failed deliveries."""
    failures: int = 0
    """Consecutive failures of the receiver. Refusals of a single event are not counted."""
    rests_until: datetime | None = None
    previous_secret_until: datetime | None = None
    pending: int = 0
    """Number of pending deliveries."""

    def matches(self, name: str) -> bool:
        return any_matches(map(Filter.parse, self.filters), name)

    def after_attempt(self, result: AttemptResult, *, now: datetime, disable_after: timedelta) -> "Webhook":
        """Return the webhook with the state of its receiver after this attempt."""
        if result.delivered:
            return replace(self, failing_since=None, failures=0, rests_until=None)
        since = self.failing_since or now
        failing = replace(self, failing_since=since)
        if result.gone:
            return replace(failing, disabled_reason=DisabledReason.GONE)
        if not is_refusal_of_event(result):
            rest = _rest(self.failures + 1, result)
            failing = replace(failing, failures=self.failures + 1, rests_until=now + rest)
        if now - since >= disable_after:
            return replace(failing, disabled_reason=DisabledReason.FAILING)
        return failing


def _rest(failures: int, result: AttemptResult) -> timedelta:
    """Return the time without attempts: 5, 10, 20, … seconds, at most MAX_REST, or the Retry-After of the response."""
    own: timedelta = min(FIRST_REST * 2 ** min(failures - 1, 10), MAX_REST)
    requested = min(result.retry_after or timedelta(), MAX_RETRY_AFTER)
    return max(own, requested)

"""A webhook: where events go, which ones, and how its receiver is doing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.event_bridge.domain.deliveries import Answer, is_refusal_of_one
from services.event_bridge.domain.filters import Filter, any_matches

FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)
LONGEST_RETRY_AFTER = timedelta(hours=1)
"""What a receiver asks for beyond this is not believed: it would not be noticed when it is back."""
LONGEST_OVERLAP = timedelta(days=30)


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
    """No delivery has worked since."""
    failures: int = 0
    """In a row, of those that say something about the receiver and not about one event."""
    rests_until: datetime | None = None
    previous_secret_until: datetime | None = None
    waiting: int = 0

    def wants(self, name: str) -> bool:
        return any_matches(map(Filter.parse, self.filters), name)

    def after(self, answer: Answer, *, now: datetime, disable_after: timedelta) -> "Webhook":
        """What one more answer says about the receiver."""
        if answer.delivered:
            return replace(self, failing_since=None, failures=0, rests_until=None)
        since = self.failing_since or now
        failing = replace(self, failing_since=since)
        if answer.gone:
            return replace(failing, disabled_reason=DisabledReason.GONE)
        if not is_refusal_of_one(answer):
            rest = _rest(self.failures + 1, answer)
            failing = replace(failing, failures=self.failures + 1, rests_until=now + rest)
        if now - since >= disable_after:
            return replace(failing, disabled_reason=DisabledReason.FAILING)
        return failing


def _rest(failures: int, answer: Answer) -> timedelta:
    """5, 10, 20, … seconds without any attempt, at most LONGEST_REST; or as long as the receiver asks for."""
    own: timedelta = min(FIRST_REST * 2 ** min(failures - 1, 10), LONGEST_REST)
    asked = min(answer.retry_after or timedelta(), LONGEST_RETRY_AFTER)
    return max(own, asked)

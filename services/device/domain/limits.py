"""How often devices may ask, and people may type a wrong user code."""

from dataclasses import dataclass
from datetime import timedelta

REQUEST_WINDOW = timedelta(minutes=1)
ATTEMPT_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True)
class RequestQuota:
    """How many device authorizations may begin within REQUEST_WINDOW, and how many may be alive."""

    per_address: int
    """From one /24 or /48."""
    per_client: int
    alive: int
    """At all, of all clients: the size of the table."""


@dataclass(frozen=True)
class AttemptQuota:
    """How many wrong user codes may be typed within ATTEMPT_WINDOW (RFC 8628 5.1)."""

    per_person: int
    per_address: int
    overall: int

"""Rate limits for device authorization requests and for wrong user codes."""

from dataclasses import dataclass
from datetime import timedelta

REQUEST_WINDOW = timedelta(minutes=1)
ATTEMPT_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True)
class RequestQuota:
    """Maximum number of device authorization requests within REQUEST_WINDOW, and of unexpired codes."""

    per_address: int
    """From one /24 or /48 network."""
    per_client: int
    alive: int
    """Unexpired codes of all clients. Bounds the size of the table."""


@dataclass(frozen=True)
class AttemptQuota:
    """Maximum number of wrong user codes within ATTEMPT_WINDOW (RFC 8628 5.1)."""

    per_user: int
    per_address: int
    overall: int

"""What can go wrong, each with a message that says what to do about it.

LatchkeyError
 +- BusUnreachable       no NATS server answers
 +- AccessRefused        the credentials are not accepted, or do not permit this
 +- SubscriptionFailed   the stream is not there, or the durable consumer is about something else
 +- TokenRefused         an access token is not good (verifier)
 +- InsufficientScope    an access token is good, and not for this (verifier)
 +- VerifierUnavailable  nobody can tell at the moment whether an access token is good (verifier)
"""

from collections.abc import Iterable
from typing import Final


class LatchkeyError(Exception):
    """The message is one sentence, fit for a terminal."""


class BusUnreachable(LatchkeyError):
    """No server could be reached in time, or the connection is closed for good."""


class AccessRefused(LatchkeyError):
    """The server does not accept the credentials, or they do not permit what was tried."""


class SubscriptionFailed(LatchkeyError):
    """JetStream cannot serve this subscription, now or ever."""


class TokenRefused(LatchkeyError):
    """401 invalid_token (RFC 6750 3.1). The message may be told to the client; `reason` is a word for logs."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason: Final = reason


class InsufficientScope(LatchkeyError):
    """403 insufficient_scope (RFC 6750 3.1). `scopes` is what would be enough."""

    def __init__(self, scopes: Iterable[str]) -> None:
        self.scopes: Final = tuple(sorted(scopes))
        super().__init__(f"The access token needs the scope {' '.join(self.scopes)}.")


class VerifierUnavailable(LatchkeyError):
    """503: the token may be good. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after: Final = retry_after

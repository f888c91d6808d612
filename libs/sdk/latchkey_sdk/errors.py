"""Exceptions of the SDK.

LatchkeyError
 +- BusUnreachable       no NATS server responds
 +- AccessRefused        the credentials were refused or lack a permission
 +- SubscriptionFailed   the stream does not exist, or the durable consumer has another filter
 +- TokenRefused         an access token is invalid (verifier)
 |   +- ProofRefused     its DPoP proof is missing or invalid (verifier)
 +- InsufficientScope    an access token is valid but lacks a scope (verifier)
 +- VerifierUnavailable  the verifier cannot check access tokens at the moment (verifier)
"""

from collections.abc import Iterable
from typing import Final


class LatchkeyError(Exception):
    """Base class. The message is one sentence for users."""


class BusUnreachable(LatchkeyError):
    """No server responded in time, or the connection was closed permanently."""


class AccessRefused(LatchkeyError):
    """The server refused the credentials, or they lack a permission."""


class SubscriptionFailed(LatchkeyError):
    """The subscription is not possible: no such stream, or a durable consumer with another filter."""


class TokenRefused(LatchkeyError):
    """401 invalid_token (RFC 6750 3.1). The message may be sent to the client; `reason` is for logs."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason: Final = reason


class ProofRefused(TokenRefused):
    """401 invalid_dpop_proof (RFC 9449 7.1): the proof of a bound access token is missing or invalid."""


class InsufficientScope(LatchkeyError):
    """403 insufficient_scope (RFC 6750 3.1). `scopes` are the required scopes."""

    def __init__(self, scopes: Iterable[str]) -> None:
        self.scopes: Final = tuple(sorted(scopes))
        super().__init__(f"The access token requires the scope {' '.join(self.scopes)}.")


class VerifierUnavailable(LatchkeyError):
    """503: the token could not be checked. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after: Final = retry_after

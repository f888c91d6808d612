"""A pending authorization request, bound to the browser that sent it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.crypto.hashing import hashes_equal, secret_hash
from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class PendingRequest:
    """Stored under the hash of its id. The parameters are validated again whenever the browser returns."""

    id_hash: bytes = field(repr=False)
    browser_hash: bytes = field(repr=False)
    client_id: str
    parameters: Parameters = field(repr=False)
    correlation_id: str
    created_at: datetime
    expires_at: datetime
    consented_by: str | None = None
    """The user who consented on the consent page."""
    completed_at: datetime | None = None
    pushed_hash: bytes | None = field(default=None, repr=False)
    """Of the pushed request that it came from, which ends with it."""

    def visit(self, browser_secret: str, *, now: datetime) -> "PendingRequest":
        """The request, for the browser that started it and while it lives.

        Raises:
            InvalidRequest: not redirectable.
        """
        if not hashes_equal(self.browser_hash, secret_hash(browser_secret)):
            raise unknown_request(Reason.REQUEST_OF_ANOTHER_BROWSER)
        if now >= self.expires_at:
            raise unknown_request(Reason.REQUEST_EXPIRED)
        if self.completed_at is not None:
            raise unknown_request(Reason.REQUEST_COMPLETED)
        return self


def require_pending_request(pending: PendingRequest | None, browser_secret: str, *, now: datetime) -> PendingRequest:
    """Return the request if it exists and `visit` succeeds. Raises InvalidRequest, not redirectable."""
    if pending is None:
        raise unknown_request(Reason.REQUEST_UNKNOWN)
    return pending.visit(browser_secret, now=now)


def unknown_request(reason: Reason) -> InvalidRequest:
    """The same error for every reason, so that the response does not reveal whether an id exists."""
    return InvalidRequest(
        "This sign-in has expired or was started in another browser. Return to the application and sign in again.",
        reason=reason,
        redirectable=False,
    )

"""An authorization request that a client has sent ahead (RFC 9126): the browser carries its URI and nothing else."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.oauth.errors import InvalidRequestUri
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason

URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFETIME = timedelta(seconds=90)
"""Until the browser has come; a sign-in that begins in time may take as long as any other."""


@dataclass(frozen=True)
class PushedRequest:
    """Stored by the hash of the id in its URI. Good until it is answered, however often the browser opens it before."""

    id_hash: bytes = field(repr=False)
    client_id: str
    parameters: Parameters = field(repr=False)
    created_at: datetime
    expires_at: datetime
    """When the row may go: no sign-in that began with it is under way any more."""
    completed_at: datetime | None = None


def require_pushed_request(pushed: PushedRequest | None, *, client_id: str | None, now: datetime) -> PushedRequest:
    """The request, for a browser that its own client has sent (RFC 9126 4).

    Raises:
        InvalidRequestUri: not redirectable; the same for every reason, so that it does not reveal whether a URI exists.
    """
    if pushed is None:
        raise pushed_request_ended(Reason.PUSHED_REQUEST_UNKNOWN)
    if pushed.client_id != client_id:
        raise pushed_request_ended(Reason.PUSHED_REQUEST_OF_ANOTHER_CLIENT)
    if now >= pushed.created_at + LIFETIME:
        raise pushed_request_ended(Reason.PUSHED_REQUEST_EXPIRED)
    if pushed.completed_at is not None:
        raise pushed_request_ended(Reason.PUSHED_REQUEST_COMPLETED)
    return pushed


def pushed_request_ended(reason: Reason) -> InvalidRequestUri:
    return InvalidRequestUri(reason=reason, redirectable=False)

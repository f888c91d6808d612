"""Request objects from where clients keep them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.fetch.errors import FetchRefused
from libs.fetch.fetcher import Fetched
from libs.servicekit.base import logs

TYPES = ("application/jwt", "application/oauth-authz-req+jwt", "application/jose", "text/plain")
"""What a `request_uri` may be answered with (RFC 9101 5.2.3; servers of static files know no better)."""
_log = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class RemoteRequestObjects:
    """Fetched when the request comes, and never before or twice: such an object may be good for one request."""

    fetch: Callable[[str], Awaitable[Fetched]]

    async def __call__(self, uri: str) -> str | None:
        """Return None when the document could not be fetched."""
        try:
            return (await self.fetch(uri)).body.decode("ascii").strip()
        except (FetchRefused, UnicodeDecodeError) as refusal:
            _log.info(
                "request_object.fetch_failed",
                message="Could not fetch request object",
                request_uri=uri,
                cause=str(refusal),
            )
            return None

"""The Logos port: fetches client logos, so that browsers do not connect to the host of a client."""

from collections.abc import Awaitable, Callable
from typing import Final

from libs.fetch.documents import CachedDocuments
from libs.fetch.errors import FetchRefused
from libs.fetch.fetcher import Fetched
from libs.servicekit.base import logs
from services.token.domain.clients.client_logos import Logo, as_logo

TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What a `logo_uri` may be answered with. No SVG: that is a document, and may hold scripts."""
MAX_BYTES: Final = 128 * 1024
_log = logs.get(__name__)


class ClientLogos:
    """`fetch` returns an image (TYPES, MAX_BYTES). Cached for ten minutes; a failure is cached for one minute."""

    def __init__(self, fetch: Callable[[str], Awaitable[Fetched]]) -> None:
        self._documents = CachedDocuments(fetch, as_logo, max_age=600, cool_down=60, max_documents=64)

    async def find(self, uri: str) -> Logo | None:
        """Return None when the logo could not be fetched or its content is not one of these image types."""
        try:
            return await self._documents.get(uri)
        except FetchRefused as refusal:
            _log.info(
                "client_logo.fetch_failed", message="Could not fetch client logo", logo_uri=uri, cause=str(refusal)
            )
            return None

    async def aclose(self) -> None:
        await self._documents.close()

"""Logos of clients, fetched for the pages that show them: no browser is sent to the host of a stranger."""

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
    """`fetch` gets an image (TYPES, MOST_BYTES). Kept for ten minutes, and left alone for one when it failed."""

    def __init__(self, fetch: Callable[[str], Awaitable[Fetched]]) -> None:
        self._documents = CachedDocuments(fetch, as_logo, max_age=600, cool_down=60, max_documents=64)

    async def find(self, uri: str) -> Logo | None:
        """None when it cannot be had, or is none of these images whatever its server says."""
        try:
            return await self._documents.get(uri)
        except FetchRefused as refusal:
            _log.info(
                "client_logo.fetch_failed", message="Could not fetch client logo", logo_uri=uri, cause=str(refusal)
            )
            return None

    async def aclose(self) -> None:
        await self._documents.close()

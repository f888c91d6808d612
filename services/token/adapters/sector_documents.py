"""The documents that say which redirect URIs are of one sector, from where clients keep them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.fetch.errors import FetchRefused
from libs.fetch.fetcher import Fetched
from libs.servicekit.base import logs

_log = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class RemoteSectorDocuments:
    """Fetched when a client is registered or changed, and never kept: only that moment counts."""

    fetch: Callable[[str], Awaitable[Fetched]]

    async def __call__(self, uri: str) -> bytes | None:
        """Return None when the document could not be fetched."""
        try:
            return (await self.fetch(uri)).body
        except FetchRefused as refusal:
            _log.info(
                "sector_document.fetch_failed",
                message="Could not fetch sector identifier document",
                sector_identifier_uri=uri,
                cause=str(refusal),
            )
            return None

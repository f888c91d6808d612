"""Gets and lists clients."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.token.domain.clients.client import Client, require_client
from services.token.ports.work import View

DEFAULT_PAGE = 100
MAX_PAGE = 500


@dataclass(frozen=True)
class ClientPage:
    clients: Sequence[Client]
    more: bool
    """Are there others behind the last?"""


@dataclass(frozen=True, kw_only=True)
class GetClient:
    view: View

    async def __call__(self, client_id: str) -> Client:
        """Raises InvalidRequest (CLIENT_UNKNOWN)."""
        async with self.view() as view:
            return require_client(await view.clients.find(client_id))


@dataclass(frozen=True, kw_only=True)
class ListClients:
    view: View

    async def __call__(self, *, size: int, after: tuple[datetime, str] | None) -> ClientPage:
        """At most `size` (0: 100; never more than 500), oldest first, from behind the one created then with that id.

        Raises:
            InvalidRequest: a negative size.
        """
        if size < 0:
            raise InvalidRequest("page_size must not be negative.", reason=Reason.PAGE_SIZE_MALFORMED)
        wanted = min(size or DEFAULT_PAGE, MAX_PAGE)
        async with self.view() as view:
            clients = await view.clients.page(after=after, size=wanted + 1)
        return ClientPage(clients[:wanted], more=len(clients) > wanted)

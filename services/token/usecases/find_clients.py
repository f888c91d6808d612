"""Clients, for operators to look at."""

from collections.abc import Sequence
from datetime import datetime

from services.token.domain.clients import Client, known
from services.token.ports import Begin


class GetClient:
    def __init__(self, view: Begin) -> None:
        self._view = view

    async def __call__(self, client_id: str) -> Client:
        """Raises InvalidRequest (CLIENT_UNKNOWN)."""
        async with self._view() as work:
            return known(await work.clients.find(client_id))


class ListClients:
    def __init__(self, view: Begin) -> None:
        self._view = view

    async def __call__(self, *, size: int, after: tuple[datetime, str] | None) -> Sequence[Client]:
        """At most `size`, oldest first, from behind the client created at that time with that id."""
        async with self._view() as work:
            return await work.clients.page(after=after, size=size)

"""Clients in this replica's memory: the hot path reads no SQL.

An event on `latchkey.v1.client.>` empties it at once; the time limit is the net for an event that was missed.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from libs.servicekit.base.clock import Clock
from libs.servicekit.events.unit_of_work import Transactions
from services.token.domain.clients.client import Client
from services.token.store.work import StoreWork

LIFETIME = timedelta(seconds=30)
CAPACITY = 10_000
EVENTS = "latchkey.v1.client.>"
_NEW = "latchkey.v1.client.created."


class CachedClients:
    def __init__(self, transactions: Transactions[StoreWork], *, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._clients: OrderedDict[str, tuple[datetime, Client]] = OrderedDict()
        self._generation = 0

    async def find(self, client_id: str) -> Client | None:
        """As it was at most 30 seconds ago. Unknown ids are not remembered, so a new client works at once."""
        now = self._clock.now()
        cached = self._clients.get(client_id)
        if cached is not None and now < cached[0]:
            return cached[1]
        generation = self._generation
        async with self._transactions.reading() as work:
            client = await work.clients.find(client_id)
        if client is None:
            self._clients.pop(client_id, None)
        elif generation == self._generation:  # not covering a change that came in between
            self._clients[client_id] = (now + LIFETIME, client)
            if len(self._clients) > CAPACITY:
                self._clients.popitem(last=False)
        return client

    def forget(self) -> None:
        self._generation += 1
        self._clients.clear()

    async def on_event(self, subject: str) -> None:
        if not subject.startswith(_NEW):  # new clients are not cached, so registrations do not empty the cache
            self.forget()

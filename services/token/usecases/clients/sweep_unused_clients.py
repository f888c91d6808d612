"""Removes unused dynamically registered clients."""

from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin

BATCH = 100
"""Each is an event and so a row: a transaction has to have an end."""


@dataclass(frozen=True, kw_only=True)
class SweepUnusedClients:
    """A step for a timer; any number of replicas may take it at once."""

    begin: Begin
    directory: ClientDirectory
    clock: Clock

    async def __call__(self) -> bool:
        """One batch; True when there may be more."""
        async with self.begin() as work:
            gone = await work.clients.remove_unused(limit=BATCH, now=self.clock.now())
            for client_id in gone:
                await work.consents.forget_client(client_id)
            work.emit(*(events.client_deleted(client_id, by="housekeeping") for client_id in gone))
        if gone:
            self.directory.forget()
        return len(gone) == BATCH

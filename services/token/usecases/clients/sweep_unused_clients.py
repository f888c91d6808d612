"""Removes unused dynamically registered clients."""

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin

BATCH = 100
"""Each is an event and so a row: a transaction has to have an end."""


class SweepUnusedClients:
    """A step for a timer; any number of replicas may take it at once."""

    def __init__(self, begin: Begin, *, directory: ClientDirectory, clock: Clock) -> None:
        self._begin = begin
        self._directory = directory
        self._clock = clock

    async def __call__(self) -> bool:
        """One batch; True when there may be more."""
        async with self._begin() as work:
            gone = await work.clients.remove_unused(limit=BATCH, now=self._clock.now())
            for client_id in gone:
                await work.consents.forget_client(client_id)
            work.emit(*(events.client_deleted(client_id, by="housekeeping") for client_id in gone))
        if gone:
            self._directory.forget()
        return len(gone) == BATCH

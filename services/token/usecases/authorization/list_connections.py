"""Lists the applications that a user has given access to."""

from collections.abc import Sequence

from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.connections import ConsentRecord, connections
from services.token.domain.clients.client import Client
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import View


class ListConnections:
    def __init__(self, view: View, *, clients: ClientDirectory, clock: Clock) -> None:
        self._view = view
        self._clients = clients
        self._clock = clock

    async def __call__(self, user_id: str) -> Sequence[tuple[Client, ConsentRecord]]:
        """Those that they consented to, and those of the operator that never had to ask and hold a grant."""
        async with self._view() as view:
            consents = await view.consents.of_user(user_id)
            grants = await view.grants.live_of_user(user_id, now=self._clock.now())
        found = [(await self._clients.find(each.client_id), each) for each in connections((*consents, *grants))]
        return [(client, each) for client, each in found if client is not None]

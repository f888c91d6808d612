"""Lists the applications that a user has given access to."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.connections import ConsentRecord, connections
from services.token.domain.clients.client import Client
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import View


@dataclass(frozen=True, kw_only=True)
class ListConnections:
    view: View
    clients: ClientDirectory
    clock: Clock

    async def __call__(self, user_id: str) -> Sequence[tuple[Client, ConsentRecord]]:
        """Those that they consented to, and those of the operator that never had to ask and hold a grant."""
        async with self.view() as view:
            consents = await view.consents.of_user(user_id)
            grants = await view.grants.live_of_user(user_id, now=self.clock.now())
        found = [(await self.clients.find(each.client_id), each) for each in connections((*consents, *grants))]
        return [(client, each) for client, each in found if client is not None]

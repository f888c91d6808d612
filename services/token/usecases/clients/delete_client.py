"""Deletes a client, its consents and its grants."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.client import unknown_client
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin, Writer
from services.token.usecases.tokens.revoke_in_batches import revoke_in_batches


@dataclass(frozen=True, kw_only=True)
class DeleteClient:
    begin: Begin
    directory: ClientDirectory
    clock: Clock

    async def __call__(self, client_id: str, *, by: events.By = "operator") -> None:
        """Revoke the grants of the client and delete it.

        The client is deleted in the transaction of the last grants, so an interrupted call can be repeated.

        Raises:
            InvalidRequest: CLIENT_UNKNOWN.
        """

        async def revoke_some(work: Writer, limit: int) -> Sequence[tuple[str, str, str]]:
            return await work.grants.revoke_some_of_client(
                client_id, limit=limit, reason="client_deleted", now=self.clock.now()
            )

        async def finish(work: Writer, _: int) -> None:
            if not await work.clients.remove(client_id):
                raise unknown_client()
            await work.consents.forget_client(client_id)
            work.emit(events.client_deleted(client_id, by=by))

        await revoke_in_batches(self.begin, revoke_some, reason="client_deleted", finish=finish)
        self.directory.forget()

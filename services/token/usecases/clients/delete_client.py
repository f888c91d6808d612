"""Deletes a client, its consents and its grants."""

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.client import unknown_client
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin, Writer

GRANTS_AT_ONCE = 500
"""Each ended grant is an event and so a row: a transaction has to have an end."""


class DeleteClient:
    def __init__(self, begin: Begin, *, directory: ClientDirectory, clock: Clock) -> None:
        self._begin = begin
        self._directory = directory
        self._clock = clock

    async def __call__(self, client_id: str, *, by: events.By = "operator") -> None:
        """Goes with the last of its grants: who is interrupted before can begin again.

        Raises:
            InvalidRequest: CLIENT_UNKNOWN.
        """
        gone = False
        while not gone:
            async with self._begin() as work:
                gone = await self._end_grants(work, client_id) < GRANTS_AT_ONCE
                if gone:
                    if not await work.clients.remove(client_id):
                        raise unknown_client()
                    await work.consents.forget_client(client_id)
                    work.emit(events.client_deleted(client_id, by=by))
        self._directory.forget()

    async def _end_grants(self, work: Writer, client_id: str) -> int:
        ended = await work.grants.revoke_some_of_client(
            client_id, limit=GRANTS_AT_ONCE, reason="client_deleted", now=self._clock.now()
        )
        work.emit(
            *(
                events.token_revoked(user_id=user_id, client_id=client_id, grant_id=grant_id, reason="client_deleted")
                for grant_id, user_id in ended
            )
        )
        return len(ended)

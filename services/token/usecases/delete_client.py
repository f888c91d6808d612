"""A client goes, with what people consented to for it and all that was issued to it."""

from libs.servicekit.clock import Clock
from services.token import facts
from services.token.domain.clients import unknown_client
from services.token.ports import Begin, ClientDirectory


class DeleteClient:
    def __init__(self, begin: Begin, *, directory: ClientDirectory, clock: Clock) -> None:
        self._begin = begin
        self._directory = directory
        self._clock = clock

    async def __call__(self, client_id: str) -> None:
        """Raises InvalidRequest (CLIENT_UNKNOWN)."""
        now = self._clock.now()
        async with self._begin() as work:
            if not await work.clients.remove(client_id):
                raise unknown_client()
            await work.consents.forget_client(client_id)
            ended = await work.grants.revoke_all_of_client(client_id, reason="client_deleted", now=now)
            work.emit(facts.client_deleted(client_id))
            for grant_id, user_id in ended:
                work.emit(
                    facts.token_revoked(
                        user_id=user_id, client_id=client_id, grant_id=grant_id, reason="client_deleted"
                    )
                )
        self._directory.forget()

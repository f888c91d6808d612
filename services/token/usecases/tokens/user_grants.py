"""An operator lists and revokes the grants of a user."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.tokens.grants import Grant
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin, View, Writer
from services.token.usecases.tokens.revoke_in_batches import revoke_in_batches

MAX_LISTED = 500


@dataclass(frozen=True, kw_only=True)
class ListedGrant:
    grant: Grant
    client_name: str
    """Empty for a deleted client and a client without a name."""
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ListUserGrants:
    view: View
    clients: ClientDirectory
    clock: Clock

    async def __call__(self, user_id: str) -> Sequence[ListedGrant]:
        """The grants that are neither revoked nor expired, most recent first, at most MAX_LISTED."""
        async with self.view() as view:
            found = await view.grants.list_of_user(user_id, limit=MAX_LISTED, now=self.clock.now())
        names = {client_id: await self._name(client_id) for client_id in {grant.client_id for grant, _ in found}}
        return [
            ListedGrant(grant=grant, client_name=names[grant.client_id], expires_at=expires_at)
            for grant, expires_at in found
        ]

    async def _name(self, client_id: str) -> str:
        client = await self.clients.find(client_id)
        return client.metadata.client_name if client else ""


@dataclass(frozen=True, kw_only=True)
class RevokeUserGrants:
    begin: Begin
    clock: Clock

    async def __call__(self, user_id: str, *, client_id: str) -> int:
        """Revokes the grants of the user to the client, or to all clients if `client_id` is empty.

        The consents are deleted in the transaction of the last grants, so an interrupted call can be repeated.
        Returns how many grants were revoked.
        """
        now = self.clock.now()

        async def revoke_some(work: Writer, limit: int) -> Sequence[tuple[str, str, str]]:
            if client_id:
                return await work.grants.revoke_some_of_connection(
                    user_id, client_id, limit=limit, reason="revoked_by_operator", now=now
                )
            return await work.grants.revoke_some_of_user(
                user_id, before=now, limit=limit, reason="revoked_by_operator", now=now
            )

        async def finish(work: Writer, revoked: int) -> int:
            consents = await work.consents.of_user(user_id)
            for each in sorted({consent.client_id for consent in consents}):
                if client_id in {"", each} and await work.consents.forget(user_id=user_id, client_id=each):
                    work.emit(events.consent_withdrawn(user_id=user_id, client_id=each, by_operator=True))
            return revoked

        return await revoke_in_batches(
            self.begin, revoke_some, reason="revoked_by_operator", finish=finish, by_operator=True
        )

"""Withdraws a user's consent to a client and revokes its grants."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.ports.work import Begin, Writer
from services.token.usecases.tokens.revoke_in_batches import revoke_in_batches


@dataclass(frozen=True, kw_only=True)
class WithdrawConsent:
    begin: Begin
    clock: Clock

    async def __call__(self, user_id: str, client_id: str) -> None:
        """Revoke all grants of the user to the client; the client must ask for consent again.

        The consent is deleted in the transaction of the last grants, so an interrupted call can be repeated.
        """

        async def revoke_some(work: Writer, limit: int) -> Sequence[tuple[str, str, str]]:
            return await work.grants.revoke_some_of_connection(
                user_id, client_id, limit=limit, reason="consent_withdrawn", now=self.clock.now()
            )

        async def finish(work: Writer, revoked: int) -> None:
            if await work.consents.forget(user_id=user_id, client_id=client_id) or revoked:
                work.emit(events.consent_withdrawn(user_id=user_id, client_id=client_id))

        await revoke_in_batches(self.begin, revoke_some, reason="consent_withdrawn", finish=finish)

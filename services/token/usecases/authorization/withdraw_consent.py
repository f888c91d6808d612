"""Withdraws a user's consent to a client and revokes its grants."""

from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.ports.work import Begin, Writer

GRANTS_AT_ONCE = 500
"""Each ended grant is an event and so a row: a transaction has to have an end."""


class WithdrawConsent:
    def __init__(self, begin: Begin, *, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock

    async def __call__(self, user_id: str, client_id: str) -> None:
        """It has to ask again, and what it has ends: access tokens at once wherever Latchkey is asked.

        The consent goes with the last of the grants: who is interrupted before can begin again.
        """
        had_something = False
        more = True
        while more:
            async with self._begin() as work:
                ended = await self._end_grants(work, user_id, client_id)
                had_something |= ended > 0
                more = ended == GRANTS_AT_ONCE
                if not more and (await work.consents.forget(user_id=user_id, client_id=client_id) or had_something):
                    work.emit(events.consent_withdrawn(user_id=user_id, client_id=client_id))

    async def _end_grants(self, work: Writer, user_id: str, client_id: str) -> int:
        ended = await work.grants.revoke_some_of_connection(
            user_id, client_id, limit=GRANTS_AT_ONCE, reason="consent_withdrawn", now=self._clock.now()
        )
        work.emit(
            *(
                events.token_revoked(
                    user_id=user_id, client_id=client_id, grant_id=grant_id, reason="consent_withdrawn"
                )
                for grant_id, _, _ in ended
            )
        )
        return len(ended)

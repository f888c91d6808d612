"""Revokes grants and queues back-channel logouts after a session or an account has ended.

The use cases handle events of the authentication service and are idempotent for each event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.crypto.random import uuid7
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.sessions.logout import LogoutDelivery
from services.token.ports.work import Begin, Writer
from services.token.usecases.tokens.revoke_in_batches import revoke_in_batches


@dataclass(frozen=True, kw_only=True)
class EndSession:
    begin: Begin
    clock: Clock

    async def __call__(
        self, session_id: str, *, user_id: str, reason: events.SessionEnd, consumer: str, event_id: str
    ) -> int:
        """Ends the session's online grants, and queues a delivery for each client with a back-channel URI.

        Offline grants outlive the session (OpenID Connect Back-Channel Logout 1.0, 2.7). The last grants, the
        deliveries and the mark in the inbox are one transaction. Returns how many deliveries are new.
        """

        async def revoke_some(work: Writer, limit: int) -> Sequence[tuple[str, str, str]]:
            return await work.grants.revoke_some_of_session(
                session_id, limit=limit, reason=reason, now=self.clock.now()
            )

        async def finish(work: Writer, _: int) -> int:
            if await work.inbox.take(consumer=consumer, event_id=event_id, now=self.clock.now()):
                return await self._queue(work, session_id, user_id)
            return 0

        return await revoke_in_batches(self.begin, revoke_some, reason=reason, finish=finish)

    async def _queue(self, work: Writer, session_id: str, user_id: str) -> int:
        now = self.clock.now()
        queued = 0
        for client_id in await work.session_clients.forget(session_id):
            client = await work.clients.find(client_id)
            if client is None or not client.metadata.backchannel_logout_uri:
                continue
            queued += 1
            await work.logout_deliveries.add(
                LogoutDelivery(
                    delivery_id=uuid7(now),
                    session_id=session_id,
                    client_id=client_id,
                    user_id=user_id,
                    created_at=now,
                    due_at=now,
                )
            )
        return queued


@dataclass(frozen=True, kw_only=True)
class EndAccount:
    begin: Begin
    clock: Clock

    async def __call__(
        self,
        user_id: str,
        *,
        before: datetime,
        consumer: str,
        event_id: str,
        reason: events.SessionEnd = "account_disabled",
    ) -> None:
        """Revoke all grants of a disabled or deleted account, offline ones included, and the consents of a deleted one.

        Each session of the account has its own event. Grants given after the event stay valid: it may arrive late, when
        an operator has enabled the account again.
        """

        async def revoke_some(work: Writer, limit: int) -> Sequence[tuple[str, str, str]]:
            return await work.grants.revoke_some_of_user(
                user_id, before=before, limit=limit, reason=reason, now=self.clock.now()
            )

        async def finish(work: Writer, _: int) -> None:
            if reason == "account_deleted":
                await work.consents.forget_user(user_id)
            await work.inbox.take(consumer=consumer, event_id=event_id, now=self.clock.now())

        await revoke_in_batches(self.begin, revoke_some, reason=reason, finish=finish)


@dataclass(frozen=True, kw_only=True)
class EndOfflineGrants:
    begin: Begin
    clock: Clock

    async def __call__(self, user_id: str, *, before: datetime, consumer: str, event_id: str) -> None:
        """Revoke offline grants that were given before a password change (RFC 9700 4.14.2).

        Each ended session has its own event. Grants given after the change stay valid: this event may arrive late.
        """

        async def revoke_some(work: Writer, limit: int) -> Sequence[tuple[str, str, str]]:
            return await work.grants.revoke_some_offline_of_user(
                user_id, before=before, limit=limit, reason="password_changed", now=self.clock.now()
            )

        async def finish(work: Writer, _: int) -> None:
            await work.inbox.take(consumer=consumer, event_id=event_id, now=self.clock.now())

        await revoke_in_batches(self.begin, revoke_some, reason="password_changed", finish=finish)

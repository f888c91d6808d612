"""Consumers of the authentication service's events: each runs one use case."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast, get_args

from libs.servicekit.base.clock import Clock
from libs.servicekit.events.consumer import Consumer, Received
from libs.servicekit.nats.bus import Bus
from services.token import events
from services.token.usecases.sessions.end_session import EndAccount, EndOfflineGrants, EndSession

SESSION_ENDED = "token-session-ended"
ACCOUNT_DISABLED = "token-account-disabled"
PASSWORD_CHANGED = "token-password-changed"
ACCOUNT_DELETED = "token-account-deleted"
_REASON_PREFIX = "REASON_"


@dataclass(frozen=True, kw_only=True)
class SessionEvents:
    """`queued` is called when there is something new to deliver."""

    end_session: EndSession
    end_account: EndAccount
    end_offline: EndOfflineGrants
    clock: Clock
    queued: Callable[[], None]

    def consumers(self, bus: Bus) -> dict[str, Consumer]:
        """By the name of their task."""
        return {
            SESSION_ENDED: Consumer(
                bus, name=SESSION_ENDED, subject="latchkey.v1.session.ended.*", handle=self.on_session_ended
            ),
            ACCOUNT_DISABLED: Consumer(
                bus, name=ACCOUNT_DISABLED, subject="latchkey.v1.account.disabled.*", handle=self.on_account_disabled
            ),
            PASSWORD_CHANGED: Consumer(
                bus, name=PASSWORD_CHANGED, subject="latchkey.v1.password.changed.*", handle=self.on_password_changed
            ),
            ACCOUNT_DELETED: Consumer(
                bus, name=ACCOUNT_DELETED, subject="latchkey.v1.account.deleted.*", handle=self.on_account_deleted
            ),
        }

    async def on_session_ended(self, event: Received) -> None:
        if await self.end_session(
            str(event.data["session_id"]),
            user_id=str(event.data["user_id"]),
            reason=_reason(str(event.data.get("reason", ""))),
            consumer=SESSION_ENDED,
            event_id=event.id,
        ):
            self.queued()

    async def on_account_disabled(self, event: Received) -> None:
        await self.end_account(
            str(event.data["user_id"]), before=self._when(event), consumer=ACCOUNT_DISABLED, event_id=event.id
        )

    async def on_password_changed(self, event: Received) -> None:
        await self.end_offline(
            str(event.data["user_id"]), before=self._when(event), consumer=PASSWORD_CHANGED, event_id=event.id
        )

    def _when(self, event: Received) -> datetime:
        """When the event became true. Of one that does not say, everything until now is taken to be older."""
        try:
            return datetime.fromisoformat(event.time).astimezone(UTC)
        except ValueError:
            return self.clock.now()

    async def on_account_deleted(self, event: Received) -> None:
        await self.end_account(
            str(event.data["user_id"]),
            before=self.clock.now(),  # a deleted account never comes back
            consumer=ACCOUNT_DELETED,
            event_id=event.id,
            reason="account_deleted",
        )


def _reason(name: str) -> events.SessionEnd:
    """Return the reason; an unknown reason of a newer version becomes signed_out."""
    reason = name.removeprefix(_REASON_PREFIX).lower()
    return cast("events.SessionEnd", reason) if reason in get_args(events.SessionEnd) else "signed_out"

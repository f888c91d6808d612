"""Facts of the authentication service that this one acts on: an event in, a use case out."""

from collections.abc import Callable
from typing import cast, get_args

from libs.servicekit.bus import Bus
from libs.servicekit.consumer import Consumer, Received
from services.token import facts
from services.token.usecases.end_session import EndAccount, EndSession

SESSION_ENDED = "token-session-ended"
ACCOUNT_DISABLED = "token-account-disabled"
_REASON_PREFIX = "REASON_"


class SessionFacts:
    """`queued` is called when there is something new to deliver."""

    def __init__(self, end_session: EndSession, end_account: EndAccount, *, queued: Callable[[], None]) -> None:
        self._end_session = end_session
        self._end_account = end_account
        self._queued = queued

    def consumers(self, bus: Bus) -> dict[str, Consumer]:
        """By the name of their task."""
        return {
            SESSION_ENDED: Consumer(
                bus, name=SESSION_ENDED, subject="latchkey.v1.session.ended.*", handle=self.on_session_ended
            ),
            ACCOUNT_DISABLED: Consumer(
                bus, name=ACCOUNT_DISABLED, subject="latchkey.v1.account.disabled.*", handle=self.on_account_disabled
            ),
        }

    async def on_session_ended(self, event: Received) -> None:
        if await self._end_session(
            str(event.data["session_id"]),
            user_id=str(event.data["user_id"]),
            reason=_reason(str(event.data.get("reason", ""))),
            consumer=SESSION_ENDED,
            event_id=event.id,
        ):
            self._queued()

    async def on_account_disabled(self, event: Received) -> None:
        await self._end_account(str(event.data["user_id"]), consumer=ACCOUNT_DISABLED, event_id=event.id)


def _reason(name: str) -> facts.SessionEnd:
    """A reason that only newer code knows is told as a sign-out."""
    reason = name.removeprefix(_REASON_PREFIX).lower()
    return cast("facts.SessionEnd", reason) if reason in get_args(facts.SessionEnd) else "signed_out"

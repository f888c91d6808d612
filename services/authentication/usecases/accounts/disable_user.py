"""An operator disables a user."""

from dataclasses import replace

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.work import Begin
from services.authentication.usecases.accounts.find_user import find_user


class DisableUser:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self, who: str, *, operator: str) -> Account:
        """No sign-in any more, and everything that was signed in ends. Doing it again changes and tells nothing.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
        """
        reason = EndReason.ACCOUNT_DISABLED
        actor = events.operator(operator)
        async with self._work() as work:
            found = await find_user(work.accounts, who)
            disabled = await work.accounts.change_state(
                found.id, before=AccountState.ACTIVE, after=AccountState.DISABLED
            )
            if disabled is None:
                return found
            now = self._clock.now()
            await work.accounts.refuse_earlier_grants(disabled.id, now=now)
            ended = await work.sessions.end_all_of(disabled.id, reason=reason, now=now)
            work.emit(events.account_disabled(disabled.id, actor=actor))
            work.emit(*events.sessions_ended(ended, reason, actor=actor))
        return replace(disabled, grants_not_before=now)

"""An operator disables a user."""

from dataclasses import replace

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.accounts.usernames import lookup_key, unknown_user
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.work import Begin


class DisableUser:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self, username: str, *, operator: str) -> Account:
        """No sign-in any more, and everything that was signed in ends. Doing it again changes and tells nothing.

        Raises:
            InvalidRequest: USER_UNKNOWN.
        """
        username_key = lookup_key(username)
        if username_key is None:
            raise unknown_user()
        reason = EndReason.ACCOUNT_DISABLED
        actor = events.operator(operator)
        async with self._work() as work:
            found = await work.accounts.disable(username_key)
            if found is None:
                raise unknown_user()
            account, was_active = found
            if was_active:
                now = self._clock.now()
                await work.accounts.refuse_earlier_grants(account.id, now=now)
                account = replace(account, grants_not_before=now)
                ended = await work.sessions.end_all_of(account.id, reason=reason, now=now)
                work.emit(events.account_disabled(account.id, actor=actor))
                work.emit(*events.sessions_ended(ended, reason, actor=actor))
        return account

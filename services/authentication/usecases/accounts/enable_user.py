"""An operator enables a disabled user."""

from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.ports.work import Begin
from services.authentication.usecases.accounts.find_user import find_user


class EnableUser:
    def __init__(self, *, work: Begin) -> None:
        self._work = work

    async def __call__(self, who: str, *, operator: str) -> Account:
        """Permits sign-ins again; what ended when the user was disabled stays ended.

        A repeated call changes nothing and emits no event.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
        """
        async with self._work() as work:
            found = await find_user(work.accounts, who)
            enabled = await work.accounts.change_state(
                found.id, before=AccountState.DISABLED, after=AccountState.ACTIVE
            )
            if enabled is None:
                return found
            work.emit(events.account_enabled(enabled.id, actor=events.operator(operator)))
        return enabled

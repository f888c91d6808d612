"""An operator deletes a user, for good."""

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.ports.work import Begin
from services.authentication.usecases.accounts.delete_account import erase_account
from services.authentication.usecases.accounts.find_user import find_user


class DeleteUser:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self, who: str, *, operator: str) -> str:
        """Erases all data of an active or disabled user except the id. Returns the id. No email is sent.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
        """
        async with self._work() as work:
            found = await find_user(work.accounts, who)
            await erase_account(work, found.id, actor=events.operator(operator), now=self._clock.now())
        return found.id

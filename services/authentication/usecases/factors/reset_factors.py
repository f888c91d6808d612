"""An operator removes the second factors of a user who has lost them."""

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.work import Begin
from services.authentication.usecases.accounts.find_user import find_user
from services.authentication.usecases.factors.notify_factor_change import tell_removed


class ResetFactors:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self, who: str, *, operator: str) -> int:
        """No second factor and no recovery code any more; everything that was signed in ends. How many factors it was.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
        """
        reason, actor = EndReason.FACTORS_RESET, events.operator(operator)
        async with self._work() as work:
            user_id = (await find_user(work.accounts, who)).id
            await work.accounts.lock(user_id)
            removed = await work.factors.remove_all(user_id)
            if removed:
                await work.accounts.refuse_earlier_grants(user_id, now=self._clock.now())
                ended = await work.sessions.end_all_of(user_id, reason=reason, now=self._clock.now())
                await tell_removed(work, user_id, removed, actor=actor, now=self._clock.now())
                work.emit(*events.sessions_ended(ended, reason, actor=actor))
        return len(removed)

"""An operator lists and ends the sessions of a user."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.sessions.session import EndReason, Lifetimes
from services.authentication.domain.sessions.session_list import MAX_LISTED, ListedSession
from services.authentication.ports.work import Begin, View
from services.authentication.usecases.accounts.find_user import find_user


@dataclass(frozen=True)
class UserSessions:
    user_id: str
    sessions: Sequence[ListedSession]


@dataclass(frozen=True)
class EndedSessions:
    user_id: str
    session_ids: Sequence[str]


class ListUserSessions:
    def __init__(self, *, view: View, clock: Clock, lifetimes: Lifetimes) -> None:
        self._view = view
        self._clock = clock
        self._lifetimes = lifetimes

    async def __call__(self, who: str) -> UserSessions:
        """The live sessions, most recently used first, at most MAX_LISTED.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
        """
        now = self._clock.now()
        async with self._view() as view:
            user_id = (await find_user(view.accounts, who)).id
            listed = await view.sessions.live_of(user_id, now=now, limit=MAX_LISTED)
        return UserSessions(user_id, [each for each in listed if each.session.live(now=now, lifetimes=self._lifetimes)])


class EndUserSessions:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self, who: str, session_ids: Sequence[str], *, operator: str) -> EndedSessions:
        """Ends these sessions of the user; without ids, all. Sessions of other users are ignored.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
        """
        reason, now = EndReason.REVOKED_BY_OPERATOR, self._clock.now()
        async with self._work() as work:
            user_id = (await find_user(work.accounts, who)).id
            await work.accounts.lock(user_id)  # the order of locks is user, then sessions
            ended = (
                await work.sessions.end_some_of(user_id, session_ids, reason=reason, now=now)
                if session_ids
                else await work.sessions.end_all_of(user_id, reason=reason, now=now)
            )
            work.emit(*events.sessions_ended(ended, reason, actor=events.operator(operator)))
        return EndedSessions(user_id, [each.id for each in ended])

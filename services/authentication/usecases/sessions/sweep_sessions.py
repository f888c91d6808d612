"""Ends expired sessions, and deletes old ended sessions and failure counters."""

from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.sessions.session import EndReason, Lifetimes
from services.authentication.domain.sign_in.throttle import WINDOW
from services.authentication.ports.work import Begin

BATCH = 200
GRACE = timedelta(minutes=2)
"""A use may have been noted and not yet written; such a session is live and must not be ended under its user."""


class SweepSessions:
    """Any number of replicas may sweep at once: none waits for another, and each session ends once."""

    def __init__(self, *, work: Begin, clock: Clock, lifetimes: Lifetimes, keep_ended: timedelta) -> None:
        self._work = work
        self._clock = clock
        self._lifetimes = lifetimes
        self._keep_ended = keep_ended

    async def __call__(self) -> bool:
        """One bounded batch; True when there may be more to do."""
        ended = await self._end_expired()
        forgotten = await self._forget_ended()
        forgiven = await self._forget_failures()
        given_up = await self._forget_attempts()
        return BATCH in {ended, forgotten, forgiven, given_up}

    async def _end_expired(self) -> int:
        now = self._clock.now()
        async with self._work() as work:
            ended = await work.sessions.end_expired(
                unseen_since=now - self._lifetimes.idle - GRACE, now=now, limit=BATCH
            )
            work.emit(*events.sessions_ended(ended, EndReason.EXPIRED, actor=events.SYSTEM))
        return len(ended)

    async def _forget_failures(self) -> int:
        async with self._work() as work:
            return await work.failures.forget(before=self._clock.now() - WINDOW, limit=BATCH)

    async def _forget_attempts(self) -> int:
        """Sign-ins whose second step never came, and apps that were never set up to the end."""
        now = self._clock.now()
        async with self._work() as work:
            enrolments = await work.factors.forget_enrolments(before=now, limit=BATCH)
            challenges = await work.passkeys.forget_challenges(before=now, limit=BATCH)
            return max(await work.attempts.forget(before=now, limit=BATCH), enrolments, challenges)

    async def _forget_ended(self) -> int:
        async with self._work() as work:
            return await work.sessions.forget_ended(before=self._clock.now() - self._keep_ended, limit=BATCH)

"""A user looks at their sessions, and ends those that are not theirs any more."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.sessions.session import EndReason, Lifetimes, require_recent_sign_in
from services.authentication.domain.sessions.session_list import MAX_LISTED, ListedSession
from services.authentication.ports.work import Begin, Reader, View, Writer
from services.authentication.usecases.sessions.get_session import LiveSession, live_session


@dataclass(frozen=True)
class OwnSessions:
    current_id: str
    sessions: Sequence[ListedSession]


class RequireSession:
    """The user behind a browser's session, as `GetSession` finds them, or a refusal."""

    def __init__(self, *, clock: Clock, lifetimes: Lifetimes) -> None:
        self._clock = clock
        self._lifetimes = lifetimes

    async def __call__(self, view: Reader | Writer, session_secret: str) -> LiveSession:
        """Raises AccessDenied: SESSION_MISSING."""
        found = await view.sessions.with_account(secret_hash(session_secret)) if session_secret else None
        live = live_session(found, now=self._clock.now(), lifetimes=self._lifetimes)
        if live is None:
            raise AccessDenied("No active session.", reason=Reason.SESSION_MISSING, redirectable=False)
        return live

    async def recently(self, view: Reader | Writer, session_secret: str) -> LiveSession:
        """The same, if they have signed in a short while ago: for what an account hangs on.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
        """
        live = await self(view, session_secret)
        require_recent_sign_in(live.session, has_second_factor=live.account.has_second_factor, now=live.at)
        return live

    async def locked(self, work: Writer, session_secret: str) -> LiveSession:
        """As `recently`, and locks the account until the end of the transaction."""
        live = await self.recently(work, session_secret)
        current = await work.accounts.lock(live.account.id)
        if current is None or not current.active:
            raise AccessDenied("No active session.", reason=Reason.SESSION_MISSING, redirectable=False)
        # A factor that was added meanwhile counts.
        require_recent_sign_in(live.session, has_second_factor=current.has_second_factor, now=live.at)
        return live


class ListSessions:
    def __init__(self, *, view: View, require_session: RequireSession, lifetimes: Lifetimes) -> None:
        self._view = view
        self._require_session = require_session
        self._lifetimes = lifetimes

    async def __call__(self, session_secret: str) -> OwnSessions:
        """The live sessions of the signed-in user, most recent first, at most MAX_LISTED. Raises AccessDenied."""
        async with self._view() as view:
            live = await self._require_session(view, session_secret)
            listed = await view.sessions.live_of(live.account.id, now=live.at, limit=MAX_LISTED)
        lively = [each for each in listed if each.session.live(now=live.at, lifetimes=self._lifetimes)]
        return OwnSessions(live.session.id, lively)


class EndOwnSessions:
    def __init__(self, *, view: View, work: Begin, require_session: RequireSession) -> None:
        self._view = view
        self._work = work
        self._require_session = require_session

    async def __call__(self, session_secret: str, session_id: str | None) -> int:
        """Ends one session of the signed-in user, or with None all but the current one. Returns how many ended.

        A session of another user is ignored. Raises AccessDenied.
        """
        async with self._view() as view:
            live = await self._require_session(view, session_secret)
        user_id, reason = live.account.id, EndReason.SIGNED_OUT
        async with self._work() as work:
            ended = (
                await work.sessions.end_others_of(user_id, keep=live.session.id, reason=reason, now=live.at)
                if session_id is None
                else await work.sessions.end_one_of(user_id, session_id, reason=reason, now=live.at)
            )
            work.emit(*events.sessions_ended(ended, reason, actor=events.user(user_id)))
        return len(ended)

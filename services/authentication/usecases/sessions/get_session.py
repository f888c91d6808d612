"""Who is behind a browser's cookie."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.servicekit.base.clock import Clock
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.sessions.session import Lifetimes, Session
from services.authentication.ports.work import View


@dataclass(frozen=True)
class LiveSession:
    session: Session
    account: Account
    at: datetime
    """When it was seen to be live."""

    @property
    def is_recent(self) -> bool:
        """May the user change what their account hangs on?"""
        return self.session.is_recent(has_second_factor=self.account.has_second_factor, now=self.at)


def live_session(found: tuple[Session, Account] | None, *, now: datetime, lifetimes: Lifetimes) -> LiveSession | None:
    """What was found behind a secret, if it is still good: neither ended nor expired, of an account that is active."""
    if found is None or not found[1].active or not found[0].live(now=now, lifetimes=lifetimes):
        return None
    return LiveSession(*found, at=now)


class GetSession:
    """One indexed read. The use is recorded in memory (`touch`) and written later."""

    def __init__(self, *, view: View, clock: Clock, lifetimes: Lifetimes, touch: Callable[[str], None]) -> None:
        self._view = view
        self._clock = clock
        self._lifetimes = lifetimes
        self._touch = touch

    async def __call__(self, session_secret: str) -> LiveSession | None:
        """None when the secret opens no session, or one that has ended or expired, or of a disabled account."""
        if not session_secret:
            return None
        async with self._view() as view:
            found = await view.sessions.with_account(secret_hash(session_secret))
        live = live_session(found, now=self._clock.now(), lifetimes=self._lifetimes)
        if live is not None and live.session.worth_touching(now=live.at):
            self._touch(live.session.id)
        return live

"""A browser is signed in: a session begins, or the one that it has becomes one of a higher class."""

from dataclasses import dataclass, field

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import (
    MAX_LIVE_PER_USER,
    EndReason,
    Lifetimes,
    Session,
    acr_of,
    amr_with,
)
from services.authentication.ports.work import Writer


@dataclass(frozen=True)
class SignedIn:
    session: Session
    session_secret: str = field(repr=False)


class StartSession:
    """Runs inside the caller's transaction, in which the user is locked and what they have shown has been judged."""

    def __init__(self, *, clock: Clock, lifetimes: Lifetimes) -> None:
        self._clock = clock
        self._lifetimes = lifetimes

    async def __call__(
        self, work: Writer, user_id: str, *, replaces: bytes | None, amr: tuple[str, ...], origin: Origin
    ) -> SignedIn:
        """A new session with a new secret; the one that the browser had, `replaces`, ends."""
        now = self._clock.now()
        if replaces is not None:
            old = await work.sessions.end(replaces, reason=EndReason.REPLACED, now=now)
            if old is not None:
                actor, correlation_id = events.user(user_id), origin.correlation_id
                work.emit(*events.sessions_ended([old], EndReason.REPLACED, actor=actor, correlation_id=correlation_id))
        surplus = await work.sessions.end_surplus_of(user_id, keep=MAX_LIVE_PER_USER - 1, now=now)
        session = Session.started(user_id, now=now, lifetimes=self._lifetimes, amr=amr)
        secret = new_secret()
        await work.sessions.add(session, secret_hash=secret_hash(secret), origin=origin)
        work.emit(*events.sessions_ended(surplus, EndReason.EXPIRED, actor=events.SYSTEM))
        work.emit(*events.signed_in(session, origin=origin))
        return SignedIn(session, secret)

    async def step_up(
        self, work: Writer, session: Session, *, session_hash: bytes, more: tuple[str, ...], origin: Origin
    ) -> SignedIn | None:
        """The same session under a new secret, with what was shown now beside what was shown before.

        Its id stays, so that no client is signed out; when the user signed in stays as well. None: it has ended.
        """
        amr = amr_with(session.amr, more)
        secret = new_secret()
        stepped_up = await work.sessions.step_up(session_hash, new_hash=secret_hash(secret), acr=acr_of(amr), amr=amr)
        if stepped_up is None:
            return None
        work.emit(events.stepped_up(stepped_up, origin=origin))
        return SignedIn(stepped_up, secret)

"""A user signs out of a browser."""

from libs.crypto.hashing import secret_hash
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.work import Begin


class EndSession:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self, session_secret: str, *, origin: Origin) -> str | None:
        """Ends the session behind the secret, once; the id of what was ended now."""
        if not session_secret:
            return None
        reason = EndReason.SIGNED_OUT
        async with self._work() as work:
            ended = await work.sessions.end(secret_hash(session_secret), reason=reason, now=self._clock.now())
            if ended is None:
                return None
            actor = events.user(ended.user_id)
            work.emit(*events.sessions_ended([ended], reason, actor=actor, correlation_id=origin.correlation_id))
        return ended.id

"""The last use of sessions, recorded in the background so that reading a session writes nothing."""

from libs.servicekit.base.clock import Clock
from services.authentication.ports.work import Begin

BATCH = 500
MAX_WAITING = 50_000


class TouchSessions:
    """Collects what was used and writes it in batches, one statement each.

    A crash loses at most what was noted since the last flush: those sessions seem idle for a minute or so longer.
    """

    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._waiting: set[str] = set()

    def note(self, session_id: str) -> None:
        """Remembers that the session is in use. Beyond MAX_WAITING it does not: the next use will be noted."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.add(session_id)

    async def __call__(self) -> bool:
        """Writes one batch, if there is one; True when there is more to write.

        Raises:
            TemporarilyUnavailable: nothing was written, and nothing is forgotten.
        """
        batch = sorted(self._waiting)[:BATCH]
        if batch:
            async with self._work() as work:
                await work.sessions.touch(batch, seen_at=self._clock.now())
            self._waiting.difference_update(batch)
        return bool(self._waiting)

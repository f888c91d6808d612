"""Deletes expired emails, links and request counters in batches."""

from libs.servicekit.base.clock import Clock
from services.authentication.domain.email.emails import KEEP
from services.authentication.domain.email.request_limits import WINDOW
from services.authentication.ports.work import Begin

BATCH = 200


class SweepEmails:
    def __init__(self, *, work: Begin, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def __call__(self) -> bool:
        """One bounded batch of each; True when there may be more to do."""
        now = self._clock.now()
        async with self._work() as work:
            emails = await work.emails.forget(now=now, limit=BATCH)
            links = await work.links.forget(before=now - KEEP, limit=BATCH)
            tallies = await work.tallies.forget(began_before=now - WINDOW, limit=BATCH)
        return BATCH in {emails, links, tallies}

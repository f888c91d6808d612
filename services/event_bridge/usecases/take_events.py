"""Events of a stream are kept, and queued for every webhook that wants them, in the order of the stream."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from libs.crypto.random import uuid7
from libs.servicekit.base.clock import Clock
from services.event_bridge.ports import Begin, TakenEvent

TURN = timedelta(seconds=15)
"""For so long one replica alone takes a stream; whoever dies holds the others up for no longer."""


class TakeEvents:
    """`taken`: is called when there is something new."""

    def __init__(self, begin: Begin, *, holder: str, taken: Callable[[], None], clock: Clock) -> None:
        self._begin = begin
        self._holder = holder
        self._taken = taken
        self._clock = clock

    async def begin(self, stream: str, *, start: int) -> int | None:
        """Where to go on; None while another replica takes the stream. `start`: of one that was never taken."""
        now = self._clock.now()
        async with self._begin() as work:
            return await work.feeds.hold(stream, self._holder, until=now + TURN, now=now, start=start)

    async def __call__(self, stream: str, events: Sequence[TakenEvent], *, before: int, after: int) -> bool:
        """Keeps and queues them, and remembers how far the stream was taken: all of it or nothing.

        False when another replica has taken over: nothing was kept, and that one takes the same events.
        """
        now = self._clock.now()
        async with self._begin() as work:
            if not await work.feeds.advance(stream, self._holder, before=before, after=after):
                return False
            new = await work.events.add(events, now=now)
            for webhook in await work.webhooks.every() if new else ():
                wanted = [each for each in new if webhook.wants(each[1].name)]
                ids = [uuid7(now) for _ in wanted]
                await work.deliveries.queue(webhook.webhook_id, wanted, now=now, ids=ids)
        if new:
            self._taken()
        return True

    async def rewind(self, stream: str, *, before: int) -> bool:
        """The stream begins anew (a server with a fresh volume): what it has is taken from its beginning."""
        async with self._begin() as work:
            return await work.feeds.advance(stream, self._holder, before=before, after=0)

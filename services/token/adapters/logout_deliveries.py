"""The background task that tells clients of ended sessions. No request and no browser ever waits for it.

Any number of replicas may run it: a delivery is claimed by a conditional update, for as long as one attempt may take.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from prometheus_client import Counter

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from services.token.domain.sessions.logout import LogoutDelivery, Outcome
from services.token.usecases.sessions.deliver_logout import DeliverLogout

AT_ONCE = 32
IDLE_SECONDS = 1.0
AWAY_SECONDS = 5.0
ATTEMPTS = Counter(
    "latchkey_backchannel_logout_total",
    "Back-channel logout requests, by outcome (postponed: retried later).",
    ["outcome"],
)
_log = logs.get(__name__)


class LogoutDeliveries:
    """`run` is a background task; `wake` makes it look at once."""

    def __init__(self, deliver: DeliverLogout) -> None:
        self._deliver = deliver
        self._news = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Run up to AT_ONCE attempts concurrently, so that a slow client does not delay other clients."""
        async with asyncio.TaskGroup() as attempts:
            while True:
                self._news.clear()
                pause = IDLE_SECONDS
                try:
                    for delivery in await self._due():
                        attempt = attempts.create_task(self._attempt(delivery))
                        self._running.add(attempt)
                        attempt.add_done_callback(self._running.discard)
                        pause = 0
                except TemporarilyUnavailable as error:
                    _log.info(
                        "backchannel_logout.queue_blocked",
                        message="Back-channel logout queue blocked: dependency unavailable",
                        reason=error.reason,
                    )
                    pause = AWAY_SECONDS
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), pause)

    async def _due(self) -> Sequence[LogoutDelivery]:
        """As many as there are places, once there is one: what is claimed is begun at once."""
        if len(self._running) >= AT_ONCE:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        return await self._deliver.claim(limit=AT_ONCE - len(self._running))

    async def _attempt(self, delivery: LogoutDelivery) -> None:
        try:
            result = await self._deliver(delivery)
        except Exception as error:  # noqa: BLE001 - it comes again when its lease ends
            _log.warning(
                "backchannel_logout.delivery_interrupted",
                message="Back-channel logout delivery was interrupted",
                client_id=delivery.client_id,
                delivery_id=delivery.delivery_id,
                cause=repr(error),
            )
        else:
            ATTEMPTS.labels(str(result) if isinstance(result, Outcome) else "postponed").inc()

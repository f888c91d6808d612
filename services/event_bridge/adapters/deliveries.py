"""The background task that sends. No sign-in and no event waits for it, and no receiver for another one.

Any number of replicas may run it: a delivery is claimed by a conditional update, for as long as one attempt may take.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress

from prometheus_client import Counter, Histogram

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from services.event_bridge.domain.deliveries import AT_ONCE, Answer, Delivery
from services.event_bridge.usecases.deliver_event import DeliverEvent

IDLE_SECONDS = 1.0
AWAY_SECONDS = 5.0
ATTEMPTS = Counter(
    "latchkey_webhook_attempts_total",
    "Attempts to deliver an event: delivered, refused (another status), failed (no answer), ours (not begun).",
    ["outcome"],
)
SECONDS = Histogram("latchkey_webhook_seconds", "How long receivers take to answer.")
_log = logs.get(__name__)


class Deliveries:
    """`run` is a background task; `wake` makes it look at once."""

    def __init__(self, deliver: DeliverEvent) -> None:
        self._deliver = deliver
        self._news = asyncio.Event()
        self._running: dict[str, set[asyncio.Task[None]]] = defaultdict(set)

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as attempts:
            while True:
                self._news.clear()
                pause = IDLE_SECONDS
                try:
                    for webhook_id, failing in (await self._deliver.ready()).items():
                        await self._start(webhook_id, attempts, most=1 if failing else AT_ONCE)
                except TemporarilyUnavailable as error:
                    _log.info("Webhooks wait", reason=error.reason)
                    pause = AWAY_SECONDS
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), pause)

    async def _start(self, webhook_id: str, attempts: asyncio.TaskGroup, *, most: int) -> None:
        running = self._running[webhook_id]
        free = most - len(running)
        if free <= 0:
            return
        for delivery in await self._deliver.claim(webhook_id, most=free):
            attempt = attempts.create_task(self._attempt(delivery))
            running.add(attempt)
            attempt.add_done_callback(lambda done: self._ended(webhook_id, done))

    def _ended(self, webhook_id: str, attempt: asyncio.Task[None]) -> None:
        self._running[webhook_id].discard(attempt)
        if not self._running[webhook_id]:
            del self._running[webhook_id]
        self.wake()  # its place is free, and what comes next about the same person may go

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            answer = await self._deliver(delivery)
        except Exception as error:  # noqa: BLE001 - it comes again when its lease ends
            _log.warning("A delivery was interrupted", delivery_id=delivery.delivery_id, cause=repr(error))
            return
        if answer is not None:
            ATTEMPTS.labels(_outcome(answer)).inc()
            if answer.status is not None:
                SECONDS.observe(answer.milliseconds / 1000)


def _outcome(answer: Answer) -> str:
    if answer.ours:
        return "ours"
    if answer.status is None:
        return "failed"
    return "delivered" if answer.delivered else "refused"

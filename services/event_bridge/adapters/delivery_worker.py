"""The background task that sends events to webhooks.

Any number of replicas may run it: a delivery is claimed by a conditional update, for at most one attempt.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress

from prometheus_client import Counter, Histogram

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from services.event_bridge.domain.deliveries import MAX_CONCURRENT, AttemptResult, Delivery
from services.event_bridge.usecases.deliver_event import DeliverEvent

IDLE_SECONDS = 1.0
UNAVAILABLE_SECONDS = 5.0
ATTEMPTS = Counter(
    "latchkey_webhook_attempts_total",
    "Webhook delivery attempts: delivered, refused (status other than 2xx), failed (no response), ours (not sent).",
    ["outcome"],
)
SECONDS = Histogram("latchkey_webhook_seconds", "Response time of webhook receivers in seconds.")
_log = logs.get(__name__)


class DeliveryWorker:
    """`run` is a background task; `wake` makes it look for due deliveries at once."""

    def __init__(self, deliver: DeliverEvent) -> None:
        self._deliver = deliver
        self._wake = asyncio.Event()
        self._running: dict[str, set[asyncio.Task[None]]] = defaultdict(set)

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as attempts:
            while True:
                self._wake.clear()
                pause = IDLE_SECONDS
                try:
                    for webhook_id, failing in (await self._deliver.ready()).items():
                        await self._start(webhook_id, attempts, limit=1 if failing else MAX_CONCURRENT)
                except TemporarilyUnavailable as error:
                    _log.info(
                        "webhook.deliveries_blocked",
                        message="Webhook deliveries blocked: database unavailable",
                        reason=error.reason,
                    )
                    pause = UNAVAILABLE_SECONDS
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)

    async def _start(self, webhook_id: str, attempts: asyncio.TaskGroup, *, limit: int) -> None:
        running = self._running[webhook_id]
        free = limit - len(running)
        if free <= 0:
            return
        for delivery in await self._deliver.claim(webhook_id, limit=free):
            attempt = attempts.create_task(self._attempt(delivery))
            running.add(attempt)
            attempt.add_done_callback(lambda done: self._ended(webhook_id, done))

    def _ended(self, webhook_id: str, attempt: asyncio.Task[None]) -> None:
        self._running[webhook_id].discard(attempt)
        if not self._running[webhook_id]:
            del self._running[webhook_id]
        self.wake()  # the next event about the same subject may be due

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            result = await self._deliver(delivery)
        except Exception as error:  # noqa: BLE001 - the delivery is tried again when its lease ends
            _log.warning(
                "webhook.attempt_interrupted",
                message="Webhook delivery attempt interrupted",
                webhook_id=delivery.webhook_id,
                delivery_id=delivery.delivery_id,
                cause=repr(error),
            )
            return
        if result is not None:
            ATTEMPTS.labels(_outcome(result)).inc()
            if result.status is not None:
                SECONDS.observe(result.milliseconds / 1000)


def _outcome(result: AttemptResult) -> str:
    if result.not_sent:
        return "ours"
    if result.status is None:
        return "failed"
    return "delivered" if result.delivered else "refused"

"""Keeps one pull request open on the server.

A pull request is lost without notice when the server restarts (nats-io/nats.py#504). So requests ask for heartbeats; if
none arrives, the request is repeated.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Iterator
from datetime import datetime

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as CoreSubscription
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from latchkey_sdk.cancellation import stay_cancelled
from latchkey_sdk.connection import Connection
from latchkey_sdk.consumer import ConsumerSpec, idle_since
from latchkey_sdk.delivery import Delivery
from latchkey_sdk.errors import LatchkeyError, SubscriptionFailed

HEARTBEAT_SECONDS = 3.0
REQUEST_SECONDS = 60.0
BATCH = 1_000
_STATUS = "Status"
_IDLE = "100"
_EXPIRED = {"404", "408"}
_log = logging.getLogger("latchkey_sdk")

Events = asyncio.Queue[Delivery | LatchkeyError]


class Puller:
    """Puts the events of one consumer on a queue, one unsettled event at a time."""

    def __init__(
        self, connection: Connection, spec: ConsumerSpec, events: Events, *, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._events = events
        self._heartbeat = heartbeat
        self._inbox: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._base = connection.client.new_inbox()
        self._requests = 0
        self._last: Delivery | None = None
        self._idle_since: datetime | None = None
        self._subscription: CoreSubscription | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start pulling events.

        Raises:
            SubscriptionFailed: the stream does not exist, or the durable consumer has another filter.
            NatsError: the server did not respond.
        """
        self._subscription = await self._connection.client.subscribe(f"{self._base}.*", cb=self._inbox.put)
        try:
            await self._ensure_consumer()
        except NotFoundError:
            raise SubscriptionFailed(f"there is no stream {self._spec.stream}: has Latchkey been started?") from None
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._report_failure)

    def request_again(self) -> None:
        """Repeat the pull request after a reconnect, because the server has lost it."""
        self._inbox.put_nowait(None)

    async def stop(self) -> None:
        """Stop pulling and return events that were not handed on."""
        if self._running:
            self._running.cancel()
            await asyncio.wait({self._running})
        if not self._subscription or not self._connection.working:
            return
        await self._subscription.drain()  # type: ignore[no-untyped-call] # untyped in nats-py
        while not self._inbox.empty():
            message = self._inbox.get_nowait()
            if message and _status(message) is None:
                await message.nak()

    async def remove(self) -> None:
        """Delete an ephemeral consumer from the server."""
        if not self._spec.durable:
            await self._connection.jetstream.delete_consumer(self._spec.stream, self._spec.name)

    def _report_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            failure = (
                error if isinstance(error, LatchkeyError) else SubscriptionFailed(f"the subscription failed: {error!r}")
            )
            self._connection.fail(failure)

    async def _run(self) -> None:
        pauses = _pauses()
        while True:
            try:
                stay_cancelled()
                await self._request()
                problem = await self._listen()
                if problem is None:
                    pauses = _pauses()
                    continue
                _log.info("%s: %s", self._spec.stream, problem)
                await asyncio.sleep(next(pauses))
                await self._ensure_consumer()
            except (NatsError, OSError, TimeoutError) as error:
                stay_cancelled()
                _log.info("%s: pulling events failed, will retry: %s", self._spec.stream, error)
                await asyncio.sleep(next(pauses))

    async def _request(self) -> None:
        self._requests += 1
        request = {
            "batch": BATCH,
            "expires": int(REQUEST_SECONDS * 1e9),
            "idle_heartbeat": int(self._heartbeat * 1e9),
        }
        await self._connection.client.publish(
            f"{self._connection.api}.CONSUMER.MSG.NEXT.{self._spec.stream}.{self._spec.name}",
            json.dumps(request).encode(),
            reply=f"{self._base}.{self._requests}",
        )

    async def _listen(self) -> str | None:
        """Hand on events until a new request is due. Returns an error message if the consumer may be gone."""
        outstanding = BATCH
        while outstanding:
            stay_cancelled()
            try:
                async with asyncio.timeout(2 * self._heartbeat):
                    message = await self._inbox.get()
            except TimeoutError:
                _log.info("%s: no heartbeat, repeating the pull request", self._spec.stream)
                return None
            if message is None:
                return None
            status = _status(message)
            if status is None:
                outstanding -= 1
                self._take(Delivery(message))
            elif status == _IDLE:
                # The loop body is slow: extend the deadline, or the server would deliver the event again.
                if self._last:
                    await self._last.in_progress()
            elif message.subject != f"{self._base}.{self._requests}":
                continue  # the end of an earlier request
            elif status in _EXPIRED:
                return None
            else:
                return f"{status} {(message.headers or {}).get('Description', '')}".strip()
        return None

    def _take(self, delivery: Delivery) -> None:
        """Hand on an event. A second event without settlement of the first means that the server lost the delivery."""
        if self._last and self._last.sequence != delivery.sequence:
            self._last.void()
        self._last = delivery
        self._events.put_nowait(delivery)

    async def _ensure_consumer(self) -> None:
        """Find the consumer, or create it again if it was lost. Events may be delivered twice, but none is lost."""
        jetstream = self._connection.jetstream
        consumer = await self._spec.find(jetstream)
        if consumer is None:
            resume_at = self._last.stored_at if self._last else self._idle_since
            if self._last:
                self._last.void()
            consumer = await self._spec.make(jetstream, resume_at=resume_at)
        self._idle_since = idle_since(consumer)


def _status(message: Msg) -> str | None:
    return (message.headers or {}).get(_STATUS)


def _pauses() -> Iterator[float]:
    """Yield the seconds before each retry."""
    growing = deque([0.1, 0.25, 0.5, 1.0, 2.0, 5.0])
    while True:
        yield growing.popleft() if len(growing) > 1 else growing[0]

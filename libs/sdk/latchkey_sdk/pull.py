"""The re-fetch loop: keeps one pull request open on the server, whatever happens to the server.

A pull request is lost when its server restarts, and nobody says so (nats-io/nats.py#504). So the server is asked for
heartbeats while it has nothing to send; silence means that the request is gone, and the next one is made.
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
from latchkey_sdk.consumer import Wanted, idle_since
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
    """Takes the events of one consumer and puts them on a queue, one unsettled event at a time."""

    def __init__(
        self, connection: Connection, wanted: Wanted, events: Events, *, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._events = events
        self._heartbeat = heartbeat
        self._inbox: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._base = connection.client.new_inbox()
        self._asked = 0
        self._last: Delivery | None = None
        self._idle_since: datetime | None = None
        self._subscription: CoreSubscription | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Events flow from here on.

        Raises:
            SubscriptionFailed: the stream does not exist, or the durable consumer is about something else.
            NatsError: the server did not answer.
        """
        self._subscription = await self._connection.client.subscribe(f"{self._base}.*", cb=self._inbox.put)
        try:
            await self._be_served()
        except NotFoundError:
            raise SubscriptionFailed(f"there is no stream {self._wanted.stream}: has Latchkey been started?") from None
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._tell_failure)

    def ask_again(self) -> None:
        """The server came back: the request that it held is lost."""
        self._inbox.put_nowait(None)

    async def stop(self) -> None:
        """No more events; what was taken and not yet handed on goes back."""
        if self._running:
            self._running.cancel()
            await asyncio.wait({self._running})
        if not self._subscription or not self._connection.working:
            return
        await self._subscription.drain()  # type: ignore[no-untyped-call] # nats-py forgot
        while not self._inbox.empty():
            message = self._inbox.get_nowait()
            if message and _status(message) is None:
                await message.nak()

    async def remove(self) -> None:
        """Leaves nothing of an ephemeral consumer on the server."""
        if not self._wanted.durable:
            await self._connection.jetstream.delete_consumer(self._wanted.stream, self._wanted.name)

    def _tell_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            failure = (
                error if isinstance(error, LatchkeyError) else SubscriptionFailed(f"the subscription broke: {error!r}")
            )
            self._connection.fail(failure)

    async def _run(self) -> None:
        pauses = _pauses()
        while True:
            try:
                stay_cancelled()
                await self._ask()
                problem = await self._listen()
                if problem is None:
                    pauses = _pauses()
                    continue
                _log.info("%s: %s", self._wanted.stream, problem)
                await asyncio.sleep(next(pauses))
                await self._be_served()
            except (NatsError, OSError, TimeoutError) as error:
                stay_cancelled()
                _log.info("%s: cannot go on yet: %s", self._wanted.stream, error)
                await asyncio.sleep(next(pauses))

    async def _ask(self) -> None:
        self._asked += 1
        request = {
            "batch": BATCH,
            "expires": int(REQUEST_SECONDS * 1e9),
            "idle_heartbeat": int(self._heartbeat * 1e9),
        }
        await self._connection.client.publish(
            f"{self._connection.api}.CONSUMER.MSG.NEXT.{self._wanted.stream}.{self._wanted.name}",
            json.dumps(request).encode(),
            reply=f"{self._base}.{self._asked}",
        )

    async def _listen(self) -> str | None:
        """Hands events on until a new request is due; says what is wrong when the consumer may be gone."""
        owed = BATCH
        while owed:
            stay_cancelled()
            try:
                async with asyncio.timeout(2 * self._heartbeat):
                    message = await self._inbox.get()
            except TimeoutError:
                _log.info("%s: no heartbeat, asking again", self._wanted.stream)
                return None
            if message is None:
                return None
            status = _status(message)
            if status is None:
                owed -= 1
                self._take(Delivery(message))
            elif status == _IDLE:
                # A slow loop body: without a word from it the server would offer the event a second time.
                if self._last:
                    await self._last.still_at_it()
            elif message.subject != f"{self._base}.{self._asked}":
                continue  # the end of a request that was given up before
            elif status in _EXPIRED:
                return None
            else:
                return f"{status} {(message.headers or {}).get('Description', '')}".strip()
        return None

    def _take(self, delivery: Delivery) -> None:
        """One at a time: another event, while one is in hand, means that a killed server forgot what it had given."""
        if self._last and self._last.sequence != delivery.sequence:
            self._last.void()
        self._last = delivery
        self._events.put_nowait(delivery)

    async def _be_served(self) -> None:
        """The consumer is there. One that was lost is made again: rather an event once more than never."""
        jetstream = self._connection.jetstream
        consumer = await self._wanted.find(jetstream)
        if consumer is None:
            resume_at = self._last.stored_at if self._last else self._idle_since
            if self._last:
                self._last.void()
            consumer = await self._wanted.make(jetstream, resume_at=resume_at)
        self._idle_since = idle_since(consumer)


def _status(message: Msg) -> str | None:
    return (message.headers or {}).get(_STATUS)


def _pauses() -> Iterator[float]:
    """Seconds before each further try."""
    growing = deque([0.1, 0.25, 0.5, 1.0, 2.0, 5.0])
    while True:
        yield growing.popleft() if len(growing) > 1 else growing[0]

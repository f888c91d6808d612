"""One stream, read from a sequence on, in order and without a gap, as a subscriber from outside reads it.

The service reads the copy of the stream in the subscribers' account (libs/servicekit/nats/mirrors.py), as a NATS user
of that account. Nothing is acknowledged: the position is stored in SQL, in the transaction that stores the events.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

EVENTS = "latchkey.v1.>"
BATCH = 256
HEARTBEAT_SECONDS = 2.0
REQUEST_SECONDS = 30.0
ABANDONED_SECONDS = 60.0
_IDLE = "100"
_EXPIRED = {"404", "408"}


class Interrupted(Exception):
    """The consumer is gone, or something between us and it was lost: begin again where SQL says."""


@dataclass(frozen=True)
class Read:
    sequence: int
    """In the stream."""
    subject: str
    body: bytes


class StreamReader:
    """`consumer`: its name; one reader at a time has it."""

    def __init__(self, stream: str, consumer: str, *, client: Client) -> None:
        self._stream = stream
        self._consumer = consumer
        self._maker: JetStreamContext = client.jetstream()
        self._client = client
        self._base = client.new_inbox()
        self._asked = 0
        self._owed = 0
        self._came = 0

    async def last_sequence(self) -> int:
        """Of what the stream has had."""
        return (await self._maker.stream_info(self._stream)).state.last_seq

    @asynccontextmanager
    async def opened(self, *, after: int) -> AsyncIterator[None]:
        """Makes the consumer anew: whoever read before reads no more."""
        with suppress(NotFoundError):
            await self._maker.delete_consumer(self._stream, self._consumer)
        await self._maker.add_consumer(
            self._stream,
            ConsumerConfig(
                name=self._consumer,
                filter_subject=EVENTS,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=ABANDONED_SECONDS,
                mem_storage=True,
            ),
        )
        self._subscription = await self._client.subscribe(f"{self._base}.*")
        self._owed = self._came = 0
        try:
            yield
        finally:
            with suppress(NatsError, OSError):
                await self._subscription.unsubscribe()

    async def next_batch(self) -> Sequence[Read]:
        """What is there, at most BATCH; empty when nothing came for a while.

        Raises:
            Interrupted: see there.
            NatsError, OSError: the connection.
        """
        if self._owed == 0:
            await self._ask()
        batch: list[Read] = []
        while len(batch) < BATCH:
            message = await _next(self._subscription, wait=not batch)
            if message is None:
                break
            read = self._judged(message)
            if read is None:
                break
            batch.append(read)
        return batch

    async def _ask(self) -> None:
        self._asked += 1
        self._owed = BATCH
        request = {
            "batch": BATCH,
            "expires": int(REQUEST_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        await self._client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
            json.dumps(request).encode(),
            reply=f"{self._base}.{self._asked}",
        )

    def _judged(self, message: Msg) -> Read | None:
        """None for a word of the server's; what follows is asked for when that says that the request has ended."""
        status = (message.headers or {}).get("Status")
        if status is None:
            self._owed -= 1
            self._came += 1
            place = message.metadata.sequence
            if place.consumer != self._came:
                raise Interrupted("an event was lost on its way")
            return Read(place.stream, message.subject, message.data)
        if status != _IDLE and message.subject == f"{self._base}.{self._asked}":
            if status not in _EXPIRED:
                raise Interrupted(f"{status} {(message.headers or {}).get('Description', '')}".strip())
            self._owed = 0
        return None


async def _next(subscription: Subscription, *, wait: bool) -> Msg | None:
    """The next message; when there is none now, None, or (`wait`) the first that comes.

    Raises:
        Interrupted: no heartbeat came either.
    """
    if not wait and subscription.pending_msgs == 0:
        return None
    try:
        return await subscription.next_msg(timeout=2 * HEARTBEAT_SECONDS)
    except TimeoutError:
        raise Interrupted("no heartbeat") from None

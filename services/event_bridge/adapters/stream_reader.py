"""Reads one NATS stream from a sequence on, in order, and detects gaps.

The service reads the copy of the stream in the subscribers' account (libs/servicekit/nats/mirrors.py) as a user
of that account. Messages are not acknowledged: the position is stored in SQL, in the transaction that stores them.
"""

import asyncio
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
GATHER_SECONDS = 0.05
"""How long a batch waits for further messages after its first, so that one transaction stores several."""
HEARTBEAT_SECONDS = 2.0
REQUEST_SECONDS = 30.0
ABANDONED_SECONDS = 60.0
_IDLE = "100"
_EXPIRED = {"404", "408"}


class Interrupted(Exception):
    """The consumer is gone or a message was lost. Read again from the position in SQL."""


@dataclass(frozen=True)
class StreamMessage:
    sequence: int
    """Sequence in the stream."""
    subject: str
    body: bytes


class StreamReader:
    """`consumer` is the name of the consumer. One reader at a time uses it."""

    def __init__(self, stream: str, consumer: str, *, client: Client) -> None:
        self._stream = stream
        self._consumer = consumer
        self._jetstream: JetStreamContext = client.jetstream()
        self._client = client
        self._base = client.new_inbox()
        self._requests = 0
        self._outstanding = 0
        self._received = 0

    async def last_sequence(self) -> int:
        """Return the last sequence of the stream."""
        return (await self._jetstream.stream_info(self._stream)).state.last_seq

    @asynccontextmanager
    async def consuming(self, *, after: int) -> AsyncIterator[None]:
        """Delete and create the consumer, which ends every earlier reader."""
        with suppress(NotFoundError):
            await self._jetstream.delete_consumer(self._stream, self._consumer)
        await self._jetstream.add_consumer(
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
        self._outstanding = self._received = 0
        try:
            yield
        finally:
            with suppress(NatsError, OSError):
                await self._subscription.unsubscribe()

    async def next_batch(self) -> Sequence[StreamMessage]:
        """Return available messages, at most BATCH, or none after a heartbeat without messages.

        Raises:
            Interrupted: the consumer is gone or a message was lost.
            NatsError, OSError: the connection failed.
        """
        if self._outstanding == 0:
            await self._request_batch()
        batch: list[StreamMessage] = []
        while len(batch) < BATCH:
            message = await _next(self._subscription, wait=not batch)
            if message is None:
                break
            read = self._message_of(message)
            if read is None:
                break
            if not batch:
                await asyncio.sleep(GATHER_SECONDS)
            batch.append(read)
        return batch

    async def _request_batch(self) -> None:
        self._requests += 1
        self._outstanding = BATCH
        request = {
            "batch": BATCH,
            "expires": int(REQUEST_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        await self._client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
            json.dumps(request).encode(),
            reply=f"{self._base}.{self._requests}",
        )

    def _message_of(self, message: Msg) -> StreamMessage | None:
        """Return None for a status message. One that ends the current request allows the next request."""
        status = (message.headers or {}).get("Status")
        if status is None:
            self._outstanding -= 1
            self._received += 1
            sequence = message.metadata.sequence
            if sequence.consumer != self._received:
                raise Interrupted("a message was lost between the server and this reader")
            return StreamMessage(sequence.stream, message.subject, message.data)
        if status != _IDLE and message.subject == f"{self._base}.{self._requests}":
            if status not in _EXPIRED:
                raise Interrupted(f"{status} {(message.headers or {}).get('Description', '')}".strip())
            self._outstanding = 0
        return None


async def _next(subscription: Subscription, *, wait: bool) -> Msg | None:
    """Return the next message. If there is none, return None, or wait for one if `wait`.

    Raises:
        Interrupted: no message and no heartbeat came in time.
    """
    if not wait and subscription.pending_msgs == 0:
        return None
    try:
        return await subscription.next_msg(timeout=2 * HEARTBEAT_SECONDS)
    except TimeoutError:
        raise Interrupted("no heartbeat") from None

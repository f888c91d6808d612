"""Reads all events of one subject from a start time on, without a gap.

Events may be read twice and in any order, which is fine for revocations. Nothing is acknowledged: if events may have
been missed, a new consumer starts at the last time that is known to be complete.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from latchkey_sdk.cancellation import stay_cancelled
from latchkey_sdk.connection import Connection

HEARTBEAT_SECONDS = 0.5
REQUEST_SECONDS = 30.0
BATCH = 1_000
ABANDONED_SECONDS = 60.0
_EXPIRED = {"404", "408"}
_IDLE = "100"
_log = logging.getLogger("latchkey_sdk")


class _Missed(Exception):
    """Events may have been missed."""


class Feed:
    """`run` is a task for the lifetime of the connection.

    Args:
        since: start of the first consumer.
        take: called with the body of each message.
        now: monotonic seconds.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        stream: str,
        subject: str,
        since: datetime,
        take: Callable[[bytes], None],
        now: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._subject = subject
        self._complete_until = since
        self._take = take
        self._now = now
        self._inbox: asyncio.Queue[Msg | None] = asyncio.Queue()
        self.complete_at: float | None = None
        """Time, by `now`, at which all stored events had been read; None if never."""

    def begin_again(self) -> None:
        """Start a new consumer after a reconnect, because messages may have been lost."""
        self._inbox.put_nowait(None)

    async def run(self) -> None:
        pauses = _pauses()
        while True:
            try:
                stay_cancelled()
                await self._follow()
            except (NatsError, OSError, TimeoutError, _Missed) as error:
                stay_cancelled()
                _log.info("%s: reading restarted: %s", self._subject, str(error) or type(error).__name__)
                if self.complete_at and self._now() - self.complete_at < HEARTBEAT_SECONDS:
                    pauses = _pauses()
            await asyncio.sleep(next(pauses))

    async def _follow(self) -> None:
        """Read until events may have been missed."""
        name, base = f"verifier-{uuid.uuid4().hex}", self._connection.client.new_inbox()
        self._inbox = asyncio.Queue()
        subscription = await self._connection.client.subscribe(f"{base}.*", cb=self._inbox.put)
        try:
            made = await self._connection.jetstream.add_consumer(self._stream, self._config(name))
            if not made.num_pending:
                self.complete_at = self._now()
            taken = 0
            for number in range(1, 1_000_000_000):
                await self._ask(name, f"{base}.{number}")
                taken = await self._listen(f"{base}.{number}", taken)
        finally:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()
                if self._connection.working:
                    # Without waiting for the response, because an abandoned consumer is deleted automatically.
                    await self._connection.client.publish(
                        f"{self._connection.api}.CONSUMER.DELETE.{self._stream}.{name}"
                    )

    def _config(self, name: str) -> ConsumerConfig:
        return ConsumerConfig(
            name=name,
            filter_subject=self._subject,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=self._complete_until,
            inactive_threshold=ABANDONED_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )

    async def _ask(self, name: str, reply: str) -> None:
        request = {
            "batch": BATCH,
            "expires": int(REQUEST_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        subject = f"{self._connection.api}.CONSUMER.MSG.NEXT.{self._stream}.{name}"
        await self._connection.client.publish(subject, json.dumps(request).encode(), reply=reply)

    async def _listen(self, reply: str, taken: int) -> int:
        """Handle messages until a new request is due. Returns the number of messages of this consumer so far."""
        for _ in range(BATCH):
            stay_cancelled()
            async with asyncio.timeout(4 * HEARTBEAT_SECONDS):
                message = await self._inbox.get()
            if message is None:
                raise _Missed("the connection was lost")
            status = (message.headers or {}).get("Status")
            if status is None:
                taken = self._taken(message, taken)
            elif status == _IDLE:
                self.complete_at = self._now()
            elif message.subject == reply:
                if status not in _EXPIRED:
                    raise _Missed(f"{status} {(message.headers or {}).get('Description', '')}".strip())
                return taken
        return taken

    def _taken(self, message: Msg, taken: int) -> int:
        about = message.metadata
        if about.sequence.consumer != taken + 1:
            raise _Missed(f"message {taken + 1} is missing")
        self._take(message.data)
        # A restart reads from this time again, because several events may have the same time.
        self._complete_until = about.timestamp - timedelta(milliseconds=1)
        if not about.num_pending:
            self.complete_at = self._now()
        return taken + 1


def long_ago(seconds: float, *, clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock() - seconds, UTC)


def _pauses() -> Iterator[float]:
    """Yield the seconds before each retry."""
    yield from (0.0, 0.1, 0.25, 0.5, 1.0)
    while True:
        yield 2.0

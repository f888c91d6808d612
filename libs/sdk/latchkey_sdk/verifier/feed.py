"""Everything of one subject, from some time ago until now and on, whatever happens to the server.

For what may be read twice and in any order, as revocations may. Nothing is acknowledged: when anything may have been
missed, a new consumer starts at the last moment that is known to be complete.
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
    """Something may have been missed."""


class Feed:
    """`run` is a task for as long as the connection lives.

    Args:
        since: where the first consumer starts.
        take: is given the body of each message.
        now: seconds that only rise.
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
        """When, by `now`, everything that the stream had was taken; None: never yet."""

    def begin_again(self) -> None:
        """The server came back: what it sent in between went to nobody."""
        self._inbox.put_nowait(None)

    async def run(self) -> None:
        pauses = _pauses()
        while True:
            try:
                stay_cancelled()
                await self._follow()
            except (NatsError, OSError, TimeoutError, _Missed) as error:
                stay_cancelled()
                _log.info("%s: begins again: %s", self._subject, str(error) or type(error).__name__)
                if self.complete_at and self._now() - self.complete_at < HEARTBEAT_SECONDS:
                    pauses = _pauses()
            await asyncio.sleep(next(pauses))

    async def _follow(self) -> None:
        """Until something may have been missed."""
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
                    # Without an answer: it would vanish by itself, and nobody has to wait for that.
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
        """Takes what comes until a new request is due; returns how many the consumer has given so far."""
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
            raise _Missed(f"message {taken + 1} did not come")
        self._take(message.data)
        # Once more from this very moment, if it comes to that: several may share it.
        self._complete_until = about.timestamp - timedelta(milliseconds=1)
        if not about.num_pending:
            self.complete_at = self._now()
        return taken + 1


def long_ago(seconds: float, *, clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock() - seconds, UTC)


def _pauses() -> Iterator[float]:
    """Seconds before each further try."""
    yield from (0.0, 0.1, 0.25, 0.5, 1.0)
    while True:
        yield 2.0

"""Facts of other services, taken from the stream by a durable consumer: each is handled at least once.

A service that must not miss an event (a logout that clients are told of) reads it here; a cache that only has to be
emptied listens (`Bus.listen`). The position is the server's, so events that are published while every replica is down
are handled later. Replicas share one consumer by its name, and each event goes to one of them.

The acknowledgement follows the handler's commit. So a crash in between hands the event out again: handlers make use of
`Inbox` (inbox.py), or do nothing the second time by nature.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs, trace
from libs.servicekit.base.metrics import CONSUMED
from libs.servicekit.base.service import CheckResult
from libs.servicekit.nats.bus import Bus

EVENTS = "LATCHKEY_EVENTS"
MOST_ATTEMPTS = 12
"""With the pauses between them that is half an hour."""
LONGEST_PAUSE = timedelta(minutes=10)
ACK_WAIT_SECONDS = 10.0
"""After which an event in the hands of a replica that died is handed to another one."""
FETCH_SECONDS = 5.0
"""Lifetime of one pull request. The client does not report a lost server (nats-io/nats.py#504), so this is short."""
RETRY_SECONDS = 1.0
_log = logs.get(__name__)


@dataclass(frozen=True)
class Received:
    """An event as its producer told it. `data`: the proto3 JSON form of a message of protos/latchkey/events/v1."""

    id: str
    type: str
    subject: str
    data: Mapping[str, Any]
    traceparent: str = ""
    time: str = ""
    """When it became true (RFC 3339), as its producer's clock had it."""

    @classmethod
    def of(cls, body: bytes) -> "Received":
        """Attributes and members that only newer code knows are passed over. Raises ValueError for no envelope."""
        try:
            read = json.loads(body)
            event = cls(
                read["id"],
                read["type"],
                read["subject"],
                read["data"],
                read.get("traceparent", ""),
                read.get("time", ""),
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("not the envelope of a fact") from error
        texts = (event.id, event.type, event.subject, event.traceparent, event.time)
        if not all(isinstance(text, str) for text in texts) or not event.id or not isinstance(event.data, dict):
            raise ValueError("not the envelope of a fact")
        return event

    def require_subject(self, nats_subject: str) -> None:
        """Raises ValueError: it is not the event that its subject on the bus names; rights are granted by subjects."""
        named = ".".join(nats_subject.split(".")[2:4])
        if self.type != f"latchkey.{named}.v1":
            raise ValueError("not the fact that its subject names")


Handler = Callable[[Received], Awaitable[None]]


class Consumer:
    """`run` is a background task.

    A handler that raises TemporarilyUnavailable is called again until it works: a database that is away loses no event.
    After any other error the event is handed out again later, to any replica, with growing pauses; after MOST_ATTEMPTS
    it is given up, logged with its id, counted (`latchkey_consumed_total`), and told by the server's own advisory.

    Args:
        name: of the durable consumer on the server; replicas share it, nobody else has it.
        subject: which events, for example "latchkey.v1.session.ended.*".
        at_once: events in hand over all replicas. 1 keeps the order of the stream and waits for an event that fails.
    """

    def __init__(self, bus: Bus, *, name: str, subject: str, handle: Handler, at_once: int = 16) -> None:
        self._bus = bus
        self._name = name
        self._subject = subject
        self._handle = handle
        self._at_once = at_once
        self._attached = False

    async def run(self) -> None:
        """Takes events until cancelled, whatever happens to the server."""
        while True:
            await self._bus.until_ready()
            try:
                await self._consume(self._bus.jetstream)
            except (NatsError, OSError, TimeoutError) as error:
                _stay_cancelled()
                _log.warning("Facts cannot be taken yet", consumer=self._name, cause=str(error) or repr(error))
            self._attached = False
            await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> CheckResult:
        """A warning at most: what is not handled now is handled later."""
        attached = self._attached and self._bus.ready
        return CheckResult(ok=attached, detail="attached" if attached else "away: facts wait", required=False)

    async def _consume(self, jetstream: JetStreamContext) -> None:
        """Raises what the server or the connection has against going on."""
        await self._ensure(jetstream)
        subscription = await jetstream.pull_subscribe_bind(self._name, stream=EVENTS)
        self._attached = True
        try:
            while self._bus.ready:
                _stay_cancelled()
                message = await self._next(subscription)
                if message is None:
                    # Silence, or a consumer that an operator or a lost volume has taken away: nobody tells which.
                    await self._ensure(jetstream)
                else:
                    await self._settle(message)
        finally:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def _next(self, subscription: JetStreamContext.PullSubscription) -> Msg | None:
        began = asyncio.get_running_loop().time()
        try:
            (message,) = await subscription.fetch(1, timeout=FETCH_SECONDS)
        except (NatsTimeoutError, TimeoutError):
            if asyncio.get_running_loop().time() - began < RETRY_SECONDS:  # the server refused to wait
                await asyncio.sleep(RETRY_SECONDS)
            return None
        return message

    async def _ensure(self, jetstream: JetStreamContext) -> None:
        """Makes the consumer, or leaves the one that is there. A new one begins with the oldest event that is kept."""
        await jetstream.add_consumer(
            EVENTS,
            ConsumerConfig(
                name=self._name,
                durable_name=self._name,
                filter_subject=self._subject,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_SECONDS,
                max_ack_pending=self._at_once,
            ),
        )

    async def _settle(self, message: Msg) -> None:
        try:
            event = Received.of(message.data)
            event.require_subject(message.subject)
        except ValueError:
            _log.error("What came on the stream is no fact", consumer=self._name, subject=message.subject)
            await self._drop(message, "malformed")
            return
        trace.begin(event.traceparent)
        try:
            await self._handle_in_time(event, message)
        except Exception:  # noqa: BLE001 - whatever it is, it must not stop what comes behind
            attempt = message.metadata.num_delivered or 1
            _log.exception("A fact could not be handled", consumer=self._name, event_id=event.id, attempt=attempt)
            if attempt >= MOST_ATTEMPTS:
                await self._drop(message, "given_up")
            else:
                await message.nak(delay=pause_after(attempt).total_seconds())
        else:
            await message.ack_sync(timeout=ACK_WAIT_SECONDS)
            CONSUMED.labels(self._name, "handled").inc()

    async def _handle_in_time(self, event: Received, message: Msg) -> None:
        """Tells the server, as long as it takes, that somebody is at it."""
        handling = asyncio.ensure_future(self._until_possible(event))
        try:
            while not (await asyncio.wait({handling}, timeout=ACK_WAIT_SECONDS / 3))[0]:
                await message.in_progress()
            await handling
        finally:
            handling.cancel()

    async def _until_possible(self, event: Received) -> None:
        while True:
            try:
                return await self._handle(event)
            except TemporarilyUnavailable as error:
                _log.info("A fact waits", consumer=self._name, event_id=event.id, reason=error.reason)
                await asyncio.sleep(RETRY_SECONDS)

    async def _drop(self, message: Msg, outcome: str) -> None:
        await message.term()
        CONSUMED.labels(self._name, outcome).inc()


def _stay_cancelled() -> None:
    """Two things make a task forget that it was told to end: the client turns a cancellation into an error while its
    connection is being closed, and asyncio.wait_for into a result that comes at the same moment (until Python 3.12).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def pause_after(attempt: int) -> timedelta:
    """1, 2, 4, … seconds, at most LONGEST_PAUSE."""
    return min(timedelta(seconds=2 ** min(attempt - 1, 20)), LONGEST_PAUSE)

"""Durable consumer: delivers events of other services from the JetStream stream at least once.

For services that must not miss an event, such as a logout of which clients are notified. Caches that only have to be
invalidated use `Bus.listen`. NATS stores the position, so events published while all replicas are down are delivered
later. Replicas share one consumer by its name; each event is delivered to one of them.

The consumer acknowledges an event after the handler has committed. After a crash in between the event is delivered
again, so handlers use `Inbox` (inbox.py) or are idempotent.
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
MAX_ATTEMPTS = 12
"""About half an hour with the pauses between the attempts."""
MAX_PAUSE = timedelta(minutes=10)
ACK_WAIT_SECONDS = 10.0
"""Time until NATS redelivers an event whose replica neither acknowledged it nor reported progress."""
FETCH_SECONDS = 5.0
"""Timeout of one pull request. Short, because the client does not report a lost server (nats-io/nats.py#504)."""
RETRY_SECONDS = 1.0
_log = logs.get(__name__)


@dataclass(frozen=True)
class Received:
    """An event from the stream. `data`: a message of protos/latchkey/events/v1 in proto3 JSON form."""

    id: str
    type: str
    subject: str
    data: Mapping[str, Any]
    traceparent: str = ""
    time: str = ""
    """Time of the event by the producer's clock (RFC 3339)."""

    @classmethod
    def of(cls, body: bytes) -> "Received":
        """Parse an event envelope. Unknown attributes are ignored. Raises ValueError if it is not an envelope."""
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
            raise ValueError("not a valid event envelope") from error
        texts = (event.id, event.type, event.subject, event.traceparent, event.time)
        if not all(isinstance(text, str) for text in texts) or not event.id or not isinstance(event.data, dict):
            raise ValueError("not a valid event envelope")
        return event

    def require_subject(self, nats_subject: str) -> None:
        """Raise ValueError if the type does not match the NATS subject. Publish permissions are granted by subject."""
        named = ".".join(nats_subject.split(".")[2:4])
        if self.type != f"latchkey.{named}.v1":
            raise ValueError("event type does not match the NATS subject")


Handler = Callable[[Received], Awaitable[None]]


class Consumer:
    """Consumes events; `run` is a background task.

    A handler that raises TemporarilyUnavailable is called again until it succeeds, so an unavailable database loses no
    event. After any other error NATS redelivers the event to any replica after a growing pause. After MAX_ATTEMPTS the
    consumer terminates the event, logs its id, counts it (`latchkey_consumed_total`), and NATS publishes an advisory.

    Args:
        name: name of the durable consumer in NATS, shared by the replicas of this service only.
        subject: NATS subject of the events, for example "latchkey.v1.session.ended.*".
        at_once: limit of unacknowledged events over all replicas. 1 keeps the order of the stream; a failing event then
            blocks the events after it.
    """

    def __init__(self, bus: Bus, *, name: str, subject: str, handle: Handler, at_once: int = 16) -> None:
        self._bus = bus
        self._name = name
        self._subject = subject
        self._handle = handle
        self._at_once = at_once
        self._attached = False

    async def run(self) -> None:
        """Consume events until cancelled, across restarts and outages of NATS."""
        while True:
            await self._bus.until_ready()
            try:
                await self._consume(self._bus.jetstream)
            except (NatsError, OSError, TimeoutError) as error:
                _reraise_cancellation()
                _log.warning(
                    "consumer.unavailable",
                    message="Event consumer cannot fetch events: NATS or the stream is unavailable",
                    consumer=self._name,
                    cause=str(error) or repr(error),
                )
            self._attached = False
            await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> CheckResult:
        """A failure is only a warning: pending events are delivered later."""
        attached = self._attached and self._bus.ready
        detail = "attached" if attached else "not attached: events stay in the stream"
        return CheckResult(ok=attached, detail=detail, required=False)

    async def _consume(self, jetstream: JetStreamContext) -> None:
        """Consume until NATS or the connection fails. Raises that error."""
        await self._ensure_consumer(jetstream)
        subscription = await jetstream.pull_subscribe_bind(self._name, stream=EVENTS)
        self._attached = True
        try:
            while self._bus.ready:
                _reraise_cancellation()
                message = await self._next(subscription)
                if message is None:
                    # No events, or the consumer was deleted: NATS does not report the difference.
                    await self._ensure_consumer(jetstream)
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
            if asyncio.get_running_loop().time() - began < RETRY_SECONDS:  # NATS rejected the request at once
                await asyncio.sleep(RETRY_SECONDS)
            return None
        return message

    async def _ensure_consumer(self, jetstream: JetStreamContext) -> None:
        """Create the consumer if it does not exist. A new one starts with the oldest event in the stream."""
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
            _log.error(
                "consumer.message_malformed",
                message="Message is not a valid event envelope",
                consumer=self._name,
                subject=message.subject,
            )
            await self._drop(message, "malformed")
            return
        trace.begin(event.traceparent)
        try:
            await self._handle_with_progress(event, message)
        except Exception:  # noqa: BLE001 - a failing event must not block the events after it
            attempt = message.metadata.num_delivered or 1
            _log.exception(
                "consumer.event_failed",
                message="Event handler failed",
                consumer=self._name,
                event_id=event.id,
                attempt=attempt,
            )
            if attempt >= MAX_ATTEMPTS:
                await self._drop(message, "given_up")
            else:
                await message.nak(delay=pause_after(attempt).total_seconds())
        else:
            await message.ack_sync(timeout=ACK_WAIT_SECONDS)
            CONSUMED.labels(self._name, "handled").inc()

    async def _handle_with_progress(self, event: Received, message: Msg) -> None:
        """Handle the event and report progress to NATS meanwhile, so that it does not redeliver the event."""
        handling = asyncio.ensure_future(self._handle_when_available(event))
        try:
            while not (await asyncio.wait({handling}, timeout=ACK_WAIT_SECONDS / 3))[0]:
                await message.in_progress()
            await handling
        finally:
            handling.cancel()

    async def _handle_when_available(self, event: Received) -> None:
        while True:
            try:
                return await self._handle(event)
            except TemporarilyUnavailable as error:
                _log.info(
                    "consumer.event_pending",
                    message="Event handling postponed: dependency unavailable",
                    consumer=self._name,
                    event_id=event.id,
                    reason=error.reason,
                )
                await asyncio.sleep(RETRY_SECONDS)

    async def _drop(self, message: Msg, outcome: str) -> None:
        await message.term()
        CONSUMED.labels(self._name, outcome).inc()


def _reraise_cancellation() -> None:
    """Raise CancelledError if the task was cancelled.

    Two things swallow a cancellation: the NATS client raises another error while its connection closes, and
    asyncio.wait_for returns a result that arrives at the same moment (until Python 3.12).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def pause_after(attempt: int) -> timedelta:
    """Return 1, 2, 4, … seconds, at most MAX_PAUSE."""
    return min(timedelta(seconds=2 ** min(attempt - 1, 20)), MAX_PAUSE)

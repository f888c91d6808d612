"""The background task that reads one NATS stream into SQL. One replica reads; another takes over if it fails."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.metrics import CONSUMED
from libs.servicekit.base.service import CheckResult
from libs.servicekit.events.consumer import Received
from libs.servicekit.nats.bus import Bus
from services.event_bridge.adapters.stream_reader import Interrupted, StreamMessage, StreamReader
from services.event_bridge.ports import NewEvent
from services.event_bridge.usecases.store_events import HOLD, StoreEvents

CONSUMER = "event-bridge"
RETRY_SECONDS = 1.0
_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")
"""Ids are written into HTTP headers and lines of server-sent events, so they must contain no line break."""
_log = logs.get(__name__)


class Feed:
    """`run` is a background task. `client` is the NATS connection with the rights of a subscriber."""

    def __init__(self, stream: str, store: StoreEvents, bus: Bus, client: Client) -> None:
        self._stream = stream
        self._store = store
        self._bus = bus
        self._client = client
        self._state = "unavailable"

    async def run(self) -> None:
        """Read the stream until cancelled. Errors of NATS or the database are retried."""
        while True:
            await self._bus.until_ready()
            try:
                await self._read_stream()
            except Interrupted as error:
                _log.info(
                    "feed.reader_restarted",
                    message="Stream reader restarted after an interruption",
                    stream=self._stream,
                    cause=str(error),
                )
            except (NatsError, OSError, TimeoutError, TemporarilyUnavailable) as error:
                _stay_cancelled()
                self._state = "unavailable"
                _log.warning(
                    "feed.blocked",
                    message="Reading the event stream failed: NATS or the database is unavailable",
                    stream=self._stream,
                    cause=str(error) or repr(error),
                )
            except Exception:  # noqa: BLE001 - events that were not stored are read again
                _log.exception("feed.failed", message="Reading the event stream failed", stream=self._stream)
            await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> CheckResult:
        """Not required for readiness: events that are not read now are read later."""
        return CheckResult(ok=self._state != "unavailable" and self._bus.ready, detail=self._state, required=False)

    async def _read_stream(self) -> None:
        reader = StreamReader(self._stream, CONSUMER, client=self._client)
        last = await reader.last_sequence()
        position = await self._store.acquire(self._stream, start=last)
        if position is None:
            self._state = "another replica reads the stream"
            await asyncio.sleep(HOLD.total_seconds() / 3)
            return
        if position > last:
            _log.warning(
                "feed.stream_reset",
                message="Stored position is beyond the end of the stream: reading from its beginning",
                stream=self._stream,
                stored_sequence=position,
                last_sequence=last,
            )
            if not await self._store.rewind(self._stream, before=position):
                return
            position = 0
        async with reader.consuming(after=position):
            self._state = "reading"
            await self._follow(reader, position)

    async def _follow(self, reader: StreamReader, position: int) -> None:
        """Read and store batches until another replica has taken over."""
        clock = asyncio.get_running_loop().time
        renewed = clock()
        while True:
            _stay_cancelled()
            if clock() - renewed > HOLD.total_seconds() / 3:
                if await self._store.acquire(self._stream, start=position) != position:
                    return
                renewed = clock()
            batch = await reader.next_batch()
            if not batch:
                continue
            after = batch[-1].sequence
            if not await self._store(self._stream, _events_of(batch), before=position, after=after):
                return
            position = after
            CONSUMED.labels(f"{CONSUMER} {self._stream}", "handled").inc(len(batch))


def _events_of(batch: Sequence[StreamMessage]) -> Sequence[NewEvent]:
    """Return the valid events. NATS grants rights by subject, so the type of an event has to match its subject."""
    found = []
    for message in batch:
        try:
            event = Received.of(message.body)
            event.require_subject(message.subject)
            found.append(_event_of(event, message.body))
        except ValueError:
            CONSUMED.labels(CONSUMER, "malformed").inc()
            _log.error(
                "feed.message_malformed",
                message="Message is not a valid event envelope",
                subject=message.subject,
                sequence=message.sequence,
            )
    return found


def _event_of(event: Received, body: bytes) -> NewEvent:
    """Raises ValueError if the id, name or subject is malformed."""
    envelope: dict[str, Any] = json.loads(body)
    name = event.type.removeprefix("latchkey.").removesuffix(".v1")
    if not _ID.fullmatch(event.id) or len(name) > 80 or len(event.subject) > 255:
        raise ValueError("id, type or subject is malformed or too long")
    return NewEvent(
        event_id=event.id,
        name=name,
        subject=event.subject,
        body=json.dumps(envelope, separators=(",", ":")),
        ordered="subjectseq" in envelope,
    )


def _stay_cancelled() -> None:
    """Raise CancelledError if the task was cancelled: the NATS client turns it into another error while it closes."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

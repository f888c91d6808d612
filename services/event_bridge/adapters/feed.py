"""The background task that takes a stream into SQL. Of several replicas one does, and another goes on when it dies."""

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
from services.event_bridge.adapters.stream_reader import Interrupted, Read, StreamReader
from services.event_bridge.ports import TakenEvent
from services.event_bridge.usecases.take_events import TURN, TakeEvents

CONSUMER = "event-bridge"
RETRY_SECONDS = 1.0
_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")
"""Ids become headers and lines: nothing that ends one."""
_log = logs.get(__name__)


class Feed:
    """`run` is a background task. `client`: the connection as a subscriber."""

    def __init__(self, stream: str, take: TakeEvents, bus: Bus, client: Client) -> None:
        self._stream = stream
        self._take = take
        self._bus = bus
        self._client = client
        self._state = "away"

    async def run(self) -> None:
        """Takes what comes until cancelled, whatever happens to the server or the database."""
        while True:
            await self._bus.until_ready()
            try:
                await self._turn()
            except Interrupted as error:
                _log.info("A stream is read again", stream=self._stream, cause=str(error))
            except (NatsError, OSError, TimeoutError, TemporarilyUnavailable) as error:
                _stay_cancelled()
                self._state = "away"
                _log.warning("A stream cannot be read yet", stream=self._stream, cause=str(error) or repr(error))
            except Exception:  # noqa: BLE001 - whatever it is, what was not kept is read again
                _log.exception("Events could not be taken", stream=self._stream)
            await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> CheckResult:
        """A warning at most: what is not taken now is taken later."""
        return CheckResult(ok=self._state != "away" and self._bus.ready, detail=self._state, required=False)

    async def _turn(self) -> None:
        reader = StreamReader(self._stream, CONSUMER, client=self._client)
        last = await reader.last_sequence()
        position = await self._take.begin(self._stream, start=last)
        if position is None:
            self._state = "another replica takes it"
            await asyncio.sleep(TURN.total_seconds() / 3)
            return
        if position > last:
            _log.warning("The stream begins anew", stream=self._stream, known=position, last=last)
            if not await self._take.rewind(self._stream, before=position):
                return
            position = 0
        async with reader.opened(after=position):
            self._state = "taking"
            await self._follow(reader, position)

    async def _follow(self, reader: StreamReader, position: int) -> None:
        """Until another replica has taken over."""
        clock = asyncio.get_running_loop().time
        renewed = clock()
        while True:
            _stay_cancelled()
            if clock() - renewed > TURN.total_seconds() / 3:
                if await self._take.begin(self._stream, start=position) != position:
                    return
                renewed = clock()
            batch = await reader.next_batch()
            if not batch:
                continue
            after = batch[-1].sequence
            if not await self._take(self._stream, _events(batch), before=position, after=after):
                return
            position = after
            CONSUMED.labels(f"{CONSUMER} {self._stream}", "handled").inc(len(batch))


def _events(batch: Sequence[Read]) -> Sequence[TakenEvent]:
    """Those that are what their subjects name; rights are granted by subjects."""
    found = []
    for read in batch:
        try:
            event = Received.of(read.body)
            event.require_subject(read.subject)
            found.append(_taken(event, read.body))
        except ValueError:
            CONSUMED.labels(CONSUMER, "malformed").inc()
            _log.error("What came on the stream is no fact", subject=read.subject, sequence=read.sequence)
    return found


def _taken(event: Received, body: bytes) -> TakenEvent:
    """Raises ValueError."""
    told: dict[str, Any] = json.loads(body)
    name = event.type.removeprefix("latchkey.").removesuffix(".v1")
    if not _ID.fullmatch(event.id) or len(name) > 80 or len(event.subject) > 255:
        raise ValueError("not like any of ours")
    return TakenEvent(
        event_id=event.id,
        name=name,
        subject=event.subject,
        body=json.dumps(told, separators=(",", ":")),
        ordered="subjectseq" in told,
    )


def _stay_cancelled() -> None:
    """The NATS client turns a cancellation into an error while it is closing (as in servicekit/events/consumer.py)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

"""Token telemetry: events of requests that write no row, published without a delivery guarantee.

A bounded buffer in memory, emptied in the background. When it is full while NATS is unavailable, the oldest events are
dropped and counted. One `token.telemetry_gap` event, which is stored in the outbox, reports their number.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.crypto.random import uuid7
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs, trace
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.metrics import TELEMETRY_DROPPED
from libs.servicekit.events.event import Event, envelope
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.publish_acks import Outgoing
from services.token import events
from services.token.store.work import StoreWork

CAPACITY = 20_000
BATCH = 100
PAUSE_SECONDS = 0.1
AWAY_SECONDS = 1.0
_log = logs.get(__name__)


@dataclass(frozen=True)
class _Waiting:
    """Its id is made once: an event that is published again is recognised."""

    event: Event
    event_id: str
    time: datetime
    traceparent: str


class BufferedTelemetry:
    """`run` is a background task."""

    def __init__(self, bus: Bus, transactions: Transactions[StoreWork], *, issuer: str, clock: Clock) -> None:
        self._bus = bus
        self._transactions = transactions
        self._issuer = issuer
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._dropped = 0

    def record(self, event: Event) -> None:
        if len(self._waiting) >= CAPACITY:
            self._waiting.popleft()
            self._dropped += 1
            TELEMETRY_DROPPED.inc()
        now = self._clock.now()
        self._waiting.append(_Waiting(event, uuid7(now), now, trace.current()))

    async def run(self) -> None:
        while True:
            sent = await self.flush()
            await asyncio.sleep(PAUSE_SECONDS if sent or self._bus.ready else AWAY_SECONDS)

    async def flush(self) -> int:
        """Publishes what waits, while the bus takes it; returns how many that were."""
        sent = 0
        while self._waiting and self._bus.ready:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            refused = await self._publish(batch)
            self._waiting.extendleft(waiting for waiting in reversed(batch) if waiting.event_id in refused)
            sent += len(batch) - len(refused)
            if refused:
                break
        if self._dropped and self._bus.ready:
            await self._report_gap()
        return sent

    async def _publish(self, batch: Sequence[_Waiting]) -> Collection[str]:
        """Ids of those that the bus did not take."""
        try:
            return await self._bus.publish_all([self._message(waiting) for waiting in batch])
        except ConnectionError:
            return [waiting.event_id for waiting in batch]

    def _message(self, waiting: _Waiting) -> Outgoing:
        event, event_id = waiting.event, waiting.event_id
        body = envelope(
            event,
            event_id=event_id,
            issuer=self._issuer,
            time=waiting.time,
            sequence=None,
            traceparent=waiting.traceparent,
        )
        headers = {"ce-id": event_id, "ce-type": f"latchkey.{event.name}.v1"}
        return Outgoing(event.nats_subject, body, event_id, headers)

    async def _report_gap(self) -> None:
        dropped = self._dropped
        try:
            async with self._transactions() as work:
                work.emit(events.telemetry_gap(dropped=dropped))
        except TemporarilyUnavailable as error:
            _log.info(
                "telemetry.gap_report_postponed",
                message="Telemetry gap could not be recorded yet",
                dropped=dropped,
                reason=error.reason,
            )
        else:
            self._dropped -= dropped


class SilentTelemetry:
    """For operators who switch it off."""

    def record(self, event: Event) -> None:
        return None

"""Interfaces that the use cases of this service need; the store and the adapters implement them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.servicekit.events.event import Event
from services.event_bridge.domain.deliveries import AttemptResult, Delivery, LoggedDelivery, State
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.domain.webhooks import DisabledReason, Webhook


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event as received from NATS, or a test event."""

    event_id: str
    name: str
    """For example login.succeeded."""
    subject: str
    body: str
    ordered: bool = True
    """False for events without `subjectseq` (telemetry): they are delivered in any order."""
    test: bool = False


@dataclass(frozen=True, kw_only=True)
class RedeliverySelection:
    """The deliveries to send again: one event, or those that were queued within a time span."""

    event_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    include_delivered: bool = False


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event with its position in the order in which events were stored."""

    position: int
    event_id: str
    name: str
    body: str


class EventReader(Protocol):
    async def newest(self) -> int:
        """Return the last position; 0 if there is no event."""

    async def position_of(self, event_id: str) -> int | None: ...

    async def after(self, position: int, *, limit: int) -> Sequence[StoredEvent]:
        """Return events after `position`, in order, without test events."""


class EventWriter(EventReader, Protocol):
    async def add(self, events: Sequence[NewEvent], *, now: datetime) -> Sequence[tuple[int, NewEvent]]:
        """Store the events in this order. Returns those that were not stored before, with their positions."""

    async def forget(self, *, taken_before: datetime, limit: int) -> int:
        """Delete at most `limit` events without deliveries. Returns the number of deleted events."""


class FeedWriter(Protocol):
    async def find(self, stream: str) -> int | None:
        """Return the last stored sequence of the stream."""

    async def hold(self, stream: str, holder: str, *, until: datetime, now: datetime, start: int) -> int | None:
        """Acquire or renew the lease on the stream. Returns the last stored sequence, or None if another has the lease.

        The position of a new stream is `start`.
        """

    async def advance(self, stream: str, holder: str, *, before: int, after: int) -> bool:
        """Move the position. Returns False if the holder lost the lease; then it must not commit events."""


class WebhookReader(Protocol):
    async def find(self, webhook_id: str) -> Webhook | None: ...

    async def every(self) -> Sequence[Webhook]:
        """Return all webhooks, oldest first."""

    async def count(self) -> int: ...

    async def secrets(self, webhook_id: str, *, now: datetime) -> Sequence[bytes]:
        """Return the sealed secrets that sign now, newest first."""


class WebhookWriter(WebhookReader, Protocol):
    async def add(self, webhook: Webhook, sealed_secret: bytes) -> None: ...

    async def rotate(self, webhook_id: str, sealed_secret: bytes, *, previous_until: datetime | None) -> bool: ...

    async def observe(
        self, webhook_id: str, result: AttemptResult, *, now: datetime, disable_after: timedelta
    ) -> tuple[Webhook, Webhook] | None:
        """Store the effect of an attempt on the webhook and lock it. Returns the webhook before and after."""

    async def enable(self, webhook_id: str) -> bool:
        """Return False if the webhook does not exist or is enabled already."""

    async def disable(self, webhook_id: str, reason: DisabledReason) -> bool:
        """Return False if the webhook does not exist or is disabled already."""

    async def delete(self, webhook_id: str) -> bool: ...


class DeliveryReader(Protocol):
    async def ready(self, *, now: datetime) -> Mapping[str, bool]:
        """Return the ids of webhooks with due deliveries; the value is True for webhooks that are failing."""

    async def listed(self, webhook_id: str, *, state: State | None, limit: int) -> Sequence[LoggedDelivery]: ...


class DeliveryWriter(DeliveryReader, Protocol):
    async def queue(
        self, webhook_id: str, events: Sequence[tuple[int, NewEvent]], *, now: datetime, ids: Sequence[str]
    ) -> None: ...

    async def claim(self, webhook_id: str, *, limit: int, now: datetime) -> Sequence[Delivery]:
        """Lease due deliveries to this caller: only the first pending one about each subject."""

    async def postpone(self, delivery: Delivery, *, until: datetime, counted: bool) -> bool:
        """Return False if the lease ended and another attempt has begun."""

    async def settle(self, delivery: Delivery, state: State) -> bool:
        """Store the final state. Returns False as `postpone` does."""

    async def log(self, delivery: Delivery, result: AttemptResult, *, now: datetime) -> None: ...

    async def make_due(self, webhook_id: str, *, now: datetime) -> None:
        """Make all pending deliveries of the webhook due now."""

    async def requeue(self, webhook_id: str, selection: RedeliverySelection, *, now: datetime) -> int: ...

    async def give_up(self, *, now: datetime, limit: int) -> int:
        """Give up deliveries that expired without an attempt in progress. Returns their number."""

    async def forget(self, *, queued_before: datetime, limit: int) -> int: ...


class StreamTicketReader(Protocol):
    async def find(self, ticket_hash: bytes, *, now: datetime) -> StreamTicket | None:
        """Return the ticket if it has not expired."""

    async def every(self, *, now: datetime, limit: int) -> Sequence[StreamTicket]:
        """Return unexpired tickets, newest first."""


class StreamTicketWriter(StreamTicketReader, Protocol):
    async def add(self, ticket: StreamTicket, *, ticket_hash: bytes) -> None: ...

    async def delete(self, ticket_id: str) -> bool: ...

    async def forget(self, *, expired_before: datetime, limit: int) -> int: ...


class Reader(Protocol):
    """A consistent snapshot of the store. It cannot change anything."""

    @property
    def events(self) -> EventReader: ...
    @property
    def webhooks(self) -> WebhookReader: ...
    @property
    def deliveries(self) -> DeliveryReader: ...
    @property
    def tickets(self) -> StreamTicketReader: ...


class Writer(Protocol):
    """One transaction: its changes and its events are committed together or not at all."""

    @property
    def events(self) -> EventWriter: ...
    @property
    def feeds(self) -> FeedWriter: ...
    @property
    def webhooks(self) -> WebhookWriter: ...
    @property
    def deliveries(self) -> DeliveryWriter: ...
    @property
    def tickets(self) -> StreamTicketWriter: ...
    def emit(self, *events: Event) -> None:
        """Publish these events if the transaction commits."""


View = Callable[[], AbstractAsyncContextManager[Reader]]
Begin = Callable[[], AbstractAsyncContextManager[Writer]]


class Post(Protocol):
    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> AttemptResult:
        """Send a POST request. Failures of the receiver are results, not exceptions."""

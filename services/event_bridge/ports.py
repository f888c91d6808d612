"""What the use cases need from outside: the store and the fetcher give it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.servicekit.events.event import Event
from services.event_bridge.domain.deliveries import Answer, Delivery, LoggedDelivery, State
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.domain.webhooks import DisabledReason, Webhook


@dataclass(frozen=True, kw_only=True)
class TakenEvent:
    """An event as it came."""

    event_id: str
    name: str
    """login.succeeded"""
    subject: str
    body: str
    ordered: bool = True
    """An event; about telemetry no order is promised, and so nothing waits for it."""
    test: bool = False


@dataclass(frozen=True, kw_only=True)
class Span:
    """What to send again: one event, or those queued in a time."""

    event_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    delivered_too: bool = False


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event, where it stands among all that came."""

    position: int
    event_id: str
    name: str
    body: str


class Events(Protocol):
    async def newest(self) -> int:
        """The last position; 0 when there is none."""

    async def position_of(self, event_id: str) -> int | None: ...

    async def after(self, position: int, *, limit: int) -> Sequence[StoredEvent]:
        """What came after, in order; test events are for webhooks and never among them."""

    async def add(self, events: Sequence[TakenEvent], *, now: datetime) -> Sequence[tuple[int, TakenEvent]]:
        """Keeps them in this order. Returns those that are new, with their positions."""

    async def forget(self, *, taken_before: datetime, limit: int) -> int:
        """Deletes at most `limit` that no delivery is about; how many it was."""


class Feeds(Protocol):
    async def find(self, stream: str) -> int | None:
        """The sequence up to which the stream has been taken."""

    async def hold(self, stream: str, holder: str, *, until: datetime, now: datetime, start: int) -> int | None:
        """Makes the stream this holder's to take, or keeps it so: where to go on. None: it is somebody else's.

        A stream that was never taken is taken from `start` on.
        """

    async def advance(self, stream: str, holder: str, *, before: int, after: int) -> bool:
        """False when it is no longer the holder's to take: nothing of what it took may be committed."""


class Webhooks(Protocol):
    async def add(self, webhook: Webhook, sealed_secret: bytes) -> None: ...

    async def find(self, webhook_id: str) -> Webhook | None: ...

    async def every(self) -> Sequence[Webhook]:
        """Oldest first."""

    async def count(self) -> int: ...

    async def secrets(self, webhook_id: str, *, now: datetime) -> Sequence[bytes]:
        """All that sign, the newest first."""

    async def rotate(self, webhook_id: str, sealed_secret: bytes, *, previous_until: datetime | None) -> bool: ...

    async def observe(
        self, webhook_id: str, answer: Answer, *, now: datetime, disable_after: timedelta
    ) -> tuple[Webhook, Webhook] | None:
        """Keeps what an answer says about the receiver: as it was, and as it is now, locked until the end."""

    async def enable(self, webhook_id: str) -> bool:
        """False when there is none, or it was enabled."""

    async def disable(self, webhook_id: str, reason: DisabledReason) -> bool:
        """False when there is none, or it was disabled."""

    async def delete(self, webhook_id: str) -> bool: ...


class Deliveries(Protocol):
    async def queue(
        self, webhook_id: str, events: Sequence[tuple[int, TakenEvent]], *, now: datetime, ids: Sequence[str]
    ) -> None: ...

    async def ready(self, *, now: datetime) -> Mapping[str, bool]:
        """Webhooks that have something due; True for those that are failing."""

    async def claim(self, webhook_id: str, *, most: int, now: datetime) -> Sequence[Delivery]:
        """What goes next, for this caller alone until the lease ends: the first about each subject that waits."""

    async def postpone(self, delivery: Delivery, *, until: datetime, counted: bool) -> bool:
        """False when the lease had ended and somebody else has begun another attempt."""

    async def settle(self, delivery: Delivery, state: State) -> bool:
        """As `postpone`."""

    async def log(self, delivery: Delivery, answer: Answer, *, now: datetime) -> None: ...

    async def hurry(self, webhook_id: str, *, now: datetime) -> None:
        """The receiver is back: what waits for its next try is due."""

    async def requeue(self, webhook_id: str, span: Span, *, now: datetime) -> int: ...

    async def listed(self, webhook_id: str, *, state: State | None, limit: int) -> Sequence[LoggedDelivery]: ...

    async def give_up(self, *, now: datetime, limit: int) -> int:
        """Those that ran out of time while nothing was sent."""

    async def forget(self, *, queued_before: datetime, limit: int) -> int: ...


class StreamTickets(Protocol):
    async def add(self, ticket: StreamTicket, *, ticket_hash: bytes) -> None: ...

    async def find(self, ticket_hash: bytes, *, now: datetime) -> StreamTicket | None:
        """While it can be used."""

    async def every(self, *, now: datetime, limit: int) -> Sequence[StreamTicket]:
        """Those that can be used, the latest first."""

    async def delete(self, ticket_id: str) -> bool: ...

    async def forget(self, *, expired_before: datetime, limit: int) -> int: ...


class Work(Protocol):
    """One transaction: all of it happens and is told, or none of it."""

    @property
    def events(self) -> Events: ...
    @property
    def feeds(self) -> Feeds: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def tickets(self) -> StreamTickets: ...
    def emit(self, *events: Event) -> None:
        """Tells subscribers, if and when the work is committed."""


Begin = Callable[[], AbstractAsyncContextManager[Work]]
"""Begins a transaction, or a consistent look at the store (`view`), in which nothing may be changed."""


class Post(Protocol):
    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Never raises for what the other side does."""

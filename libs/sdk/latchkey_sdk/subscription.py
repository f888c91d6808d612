"""Subscriptions: `async for event in subscribe("login.>", ...)`."""

import asyncio
import logging
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nats.errors import Error as NatsError

from latchkey_sdk.connection import Connection
from latchkey_sdk.consumer import ConsumerSpec, Since, starting
from latchkey_sdk.delivery import Delivery
from latchkey_sdk.errors import BusUnreachable, LatchkeyError
from latchkey_sdk.event import Event
from latchkey_sdk.filters import in_shard, streams_of, subject_of
from latchkey_sdk.pull import HEARTBEAT_SECONDS, Events, Puller

Handler = Callable[[Event], Awaitable[None]]
CLOSE_SECONDS = 5.0
_DURABLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_log = logging.getLogger("latchkey_sdk")


def subscribe(
    pattern: str = ">",
    *,
    servers: str | Sequence[str] = "nats://localhost:4222",
    creds: str | Path | None = None,
    durable: str | None = None,
    since: Since = None,
    shards: Iterable[int] | None = None,
    inbox_prefix: str | None = None,
    connect_timeout: float = 10.0,
) -> "Subscription":
    """Return a subscription: events as they are published, each at least once, those about one subject in order.

        async for event in subscribe("login.>", servers="nats://localhost:4222", creds="crm.creds", durable="crm"):
            print(event.name, event.subject, event.data)

    An event is acknowledged when the loop requests the next one. If the loop ends by an exception, or by `break`, the
    current event is redelivered; inside `async with subscribe(...) as events:` a `break` acknowledges it. If NATS
    restarts, the loop waits and continues.

    Args:
        pattern: "login.>", "session.ended", ">" (everything); see docs/events.md for the names.
        servers: one or more nats:// URLs.
        creds: a NATS .creds file.
        durable: name under which the server stores the position of this subscriber, also while it is not connected;
            None for events while the loop runs. Workers with the same name share the events.
        since: where a new subscription starts; None means now. An existing durable one continues at its position.
        shards: several consumers instead of one, named `<durable>-<shard>`, each in order. Workers and
            `Subscription.handle` can then handle events about different subjects concurrently. `range(16)` is all
            shards; a worker may take some and leave the others to other workers.
        inbox_prefix: only for NATS users whose permissions are not in their credentials.
        connect_timeout: seconds to wait for the server at the start.

    Raises:
        ValueError: an argument is invalid.
        LatchkeyError: from the loop, after a permanent error; see latchkey_sdk.errors.
    """
    if durable is not None and not _DURABLE_NAME.fullmatch(durable):
        raise ValueError(f"durable={durable!r}: must consist of the characters A-Z, a-z, 0-9, '-' and '_'")
    subject = subject_of(pattern)
    streams = streams_of(subject)
    if isinstance(since, int) and len(streams) > 1:
        raise ValueError(f"a sequence number refers to one stream, but {pattern!r} reads {' and '.join(streams)}")
    start = starting(since, now=datetime.now(UTC))
    parts = _parts(subject, durable, shards)
    specs = [
        ConsumerSpec(stream=stream, name=name, durable=durable is not None, subject=part, start=start)
        for name, part in parts
        for stream in streams_of(part)
    ]
    connection = {"servers": servers, "creds": creds, "inbox_prefix": inbox_prefix}
    return Subscription(specs, connection=connection, connect_timeout=connect_timeout)


def _parts(subject: str, durable: str | None, shards: Iterable[int] | None) -> list[tuple[str, str]]:
    """Return name and subject of each consumer."""
    if shards is None:
        return [(durable or f"ephemeral-{uuid.uuid4().hex}", subject)]
    if durable is None:
        raise ValueError("shards require durable: workers share the events by this name")
    parts = [(f"{durable}-{shard:02d}", in_shard(subject, shard)) for shard in sorted(set(shards))]
    if not parts:
        raise ValueError("shards must not be empty")
    return parts


class Subscription:
    """The result of `subscribe`. Iterate over it, preferably inside `async with`, which connects first."""

    def __init__(
        self,
        specs: Sequence[ConsumerSpec],
        *,
        connection: dict[str, Any],
        connect_timeout: float,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._specs = specs
        self._connect_timeout = connect_timeout
        self._heartbeat = heartbeat
        self._settings = connection
        self._connection: Connection | None = None
        self._pullers: list[Puller] = []
        self._events: Events = asyncio.Queue()
        self._current: Event | None = None

    async def __aenter__(self) -> Self:
        """Connect and create the consumer. Events from now on are delivered."""
        connection = Connection(**self._settings, on_reconnect=self._request_again)
        connection.failed.add_done_callback(lambda failed: self._events.put_nowait(failed.result()))
        await connection.open(timeout=self._connect_timeout)
        self._connection = connection
        try:
            self._pullers = [Puller(connection, each, self._events, heartbeat=self._heartbeat) for each in self._specs]
            for puller in self._pullers:
                await connection.unless_failed(puller.start())
        except (NatsError, TimeoutError) as error:
            await self._close()
            raise BusUnreachable(f"JetStream does not respond: {error}") from error
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event, self._current = self._current, None
        await self._close(last=event, failed=kind is not None)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self if self._connection else self._iterate_connected()

    async def __anext__(self) -> Event:
        """Acknowledge the previous event and wait for the next one."""
        if self._connection is None:
            raise StopAsyncIteration
        if self._current:
            await self._current.ack()
            self._current = None
        while self._current is None:
            arrived = await self._events.get()
            if isinstance(arrived, LatchkeyError):
                raise arrived
            self._current = await _read(arrived)
        return self._current

    async def handle(self, handler: Handler) -> None:
        """Call `handler(event)` for each event until cancelled: in order in each shard, concurrently for all shards.

        The event is acknowledged when the handler returns. If it raises, the event is delivered again after 1, 2, 4,
        ... at most 60 seconds, before later events of the shard.

        Raises:
            LatchkeyError: a permanent error.
        """
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                arrived = await self._events.get()
                if isinstance(arrived, LatchkeyError):
                    raise arrived
                if event := await _read(arrived):
                    # At most one event for each consumer: the next one arrives when this one is settled.
                    task = asyncio.create_task(_handle(handler, event))
                    running.add(task)
                    task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def _iterate_connected(self) -> AsyncGenerator[Event, None]:
        async with self:
            async for event in self:
                yield event

    def _request_again(self) -> None:
        for puller in self._pullers:
            puller.request_again()

    async def _close(self, *, last: Event | None = None, failed: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with suppress(NatsError, LatchkeyError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._give_back(connection, last, failed=failed)
        finally:
            await connection.close()

    async def _give_back(self, connection: Connection, last: Event | None, *, failed: bool) -> None:
        # Stop pulling first: after an acknowledgement the server would send the next event.
        for puller in self._pullers:
            await puller.stop()
        if not connection.working:
            return
        if last:
            await (last.nak() if failed else last.ack())
        while not self._events.empty():
            if isinstance(item := self._events.get_nowait(), Delivery):
                await item.nak(delay=0)
        for puller in self._pullers:
            await puller.remove()


async def _handle(handler: Handler, event: Event) -> None:
    with suppress(LatchkeyError, NatsError):  # the connection reports it as well
        try:
            await handler(event)
        except asyncio.CancelledError:
            await event.nak(delay=0)
            raise
        except Exception:  # noqa: BLE001 - it must not stop other handlers
            _log.exception("Handler failed for event %s %s", event.name, event.id)
            await event.nak()
        else:
            await event.ack()


async def _read(delivery: Delivery) -> Event | None:
    try:
        return Event.from_json(delivery.payload, delivery=delivery)
    except (ValueError, TypeError) as error:
        _log.warning("Message on %s is not a valid event and is skipped: %s", delivery.subject, error)
        await delivery.reject()
        return None

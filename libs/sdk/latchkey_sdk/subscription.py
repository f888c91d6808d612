"""Subscribing to events: `async for event in subscribe("login.>", ...)`."""

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
from latchkey_sdk.consumer import Since, Wanted, starting
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
    """Events as they happen, each at least once, those about one subject in order.

        async for event in subscribe("login.>", servers="nats://localhost:4222", creds="crm.creds", durable="crm"):
            print(event.name, event.subject, event.data)

    An event counts as handled when the next one is asked for. When the loop ends by an exception, or by `break`, the
    event in hand is offered again later; inside `async with subscribe(...) as events:` a `break` counts as handled.
    NATS may restart at any time: the loop waits and goes on.

    Args:
        pattern: "login.>", "session.ended", ">" (everything); see docs/events.md for the names.
        servers: one or more nats:// URLs.
        creds: a NATS .creds file.
        durable: name under which the server remembers how far this subscriber is, also when it is away; None for a
            look at what happens while the loop runs. Workers with the same name share the events.
        since: where a new subscription starts; None means now. A durable one that exists goes on where it was.
        shards: several consumers in the place of one, named `<durable>-<shard>`. Each keeps its order, so that workers
            and `Subscription.handle` get on with events about different people at once. `range(16)` is all of them; a
            worker that takes some leaves the others to other workers.
        inbox_prefix: only for users whose rights are not in their credentials.
        connect_timeout: seconds until a server that does not answer is an error, at the start only.

    Raises:
        ValueError: an argument cannot be used.
        LatchkeyError: from the loop, when going on makes no sense; see latchkey_sdk.errors.
    """
    if durable is not None and not _DURABLE_NAME.fullmatch(durable):
        raise ValueError(f"durable={durable!r}: letters, digits, '-' and '_' only")
    subject = subject_of(pattern)
    streams = streams_of(subject)
    if isinstance(since, int) and len(streams) > 1:
        raise ValueError(f"a sequence number means one stream, but {pattern!r} reads {' and '.join(streams)}")
    start = starting(since, now=datetime.now(UTC))
    parts = _parts(subject, durable, shards)
    wanted = [
        Wanted(stream=stream, name=name, durable=durable is not None, subject=part, start=start)
        for name, part in parts
        for stream in streams_of(part)
    ]
    connection = {"servers": servers, "creds": creds, "inbox_prefix": inbox_prefix}
    return Subscription(wanted, connection=connection, connect_timeout=connect_timeout)


def _parts(subject: str, durable: str | None, shards: Iterable[int] | None) -> list[tuple[str, str]]:
    """(name, subject) of each consumer."""
    if shards is None:
        return [(durable or f"ephemeral-{uuid.uuid4().hex}", subject)]
    if durable is None:
        raise ValueError("shards need a durable: workers share the events by its name")
    parts = [(f"{durable}-{shard:02d}", in_shard(subject, shard)) for shard in sorted(set(shards))]
    if not parts:
        raise ValueError("no shards are no events")
    return parts


class Subscription:
    """What `subscribe` returns: iterate over it, best inside `async with`, which also says when it is connected."""

    def __init__(
        self,
        wanted: Sequence[Wanted],
        *,
        connection: dict[str, Any],
        connect_timeout: float,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._wanted = wanted
        self._connect_timeout = connect_timeout
        self._heartbeat = heartbeat
        self._settings = connection
        self._connection: Connection | None = None
        self._pullers: list[Puller] = []
        self._events: Events = asyncio.Queue()
        self._current: Event | None = None

    async def __aenter__(self) -> Self:
        """Connected, and the consumer is in place: whatever happens from here on is seen."""
        connection = Connection(**self._settings, on_reconnect=self._ask_again)
        connection.failed.add_done_callback(lambda failed: self._events.put_nowait(failed.result()))
        await connection.open(timeout=self._connect_timeout)
        self._connection = connection
        try:
            self._pullers = [Puller(connection, each, self._events, heartbeat=self._heartbeat) for each in self._wanted]
            for puller in self._pullers:
                await connection.unless_failed(puller.start())
        except (NatsError, TimeoutError) as error:
            await self._close()
            raise BusUnreachable(f"JetStream does not answer: {error}") from error
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
        return self if self._connection else self._opened_by_the_loop()

    async def __anext__(self) -> Event:
        """Settles the event before, waits for the next one."""
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
        """Calls `handler(event)` for each event until cancelled: one after the other in a shard, shards side by side.

        A handler that returns has handled its event; one that raises gets it again, after 1, 2, 4, ... at most 60
        seconds, and before those behind it.

        Raises:
            LatchkeyError: going on makes no sense.
        """
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                arrived = await self._events.get()
                if isinstance(arrived, LatchkeyError):
                    raise arrived
                if event := await _read(arrived):
                    # Never more than one for each consumer: the next one comes when this one is settled.
                    task = asyncio.create_task(_handle(handler, event))
                    running.add(task)
                    task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def _opened_by_the_loop(self) -> AsyncGenerator[Event, None]:
        async with self:
            async for event in self:
                yield event

    def _ask_again(self) -> None:
        for puller in self._pullers:
            puller.ask_again()

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
        # Stop pulling first: an acknowledgement lets the server send the next event, to nobody.
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
    with suppress(LatchkeyError, NatsError):  # told by the connection as well
        try:
            await handler(event)
        except asyncio.CancelledError:
            await event.nak(delay=0)
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it must not stop the others
            _log.exception("%s %s could not be handled", event.name, event.id)
            await event.nak()
        else:
            await event.ack()


async def _read(delivery: Delivery) -> Event | None:
    try:
        return Event.from_json(delivery.payload, delivery=delivery)
    except (ValueError, TypeError) as error:
        _log.warning("What came on %s is no event and is left out: %s", delivery.subject, error)
        await delivery.reject()
        return None

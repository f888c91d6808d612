"""GET /events/stream: server-sent events (WHATWG HTML 9.2) for the holder of a ticket.

EventSource cannot send headers, so the ticket may be in the query. Such a ticket should be short-lived, because proxies
may log URLs; this module does not.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import Counter as Counted
from prometheus_client import Gauge

from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from services.event_bridge.adapters.event_signals import EventSignals
from services.event_bridge.domain.filters import MAX_FILTERS, Filter
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.http.cors import Cors
from services.event_bridge.ports import StoredEvent
from services.event_bridge.usecases.read_events import ReadEvents
from services.event_bridge.usecases.stream_tickets import FindStreamTickets

HEARTBEAT_SECONDS = 15.0
"""Interval of heartbeats and of the checks whether the ticket is still valid."""
SEND_SECONDS = 10.0
"""A reader that accepts no data for this time is disconnected. It can reconnect with `Last-Event-ID`."""
MAX_STREAMS_PER_TICKET = 8
RETRY_MILLISECONDS = 2_000
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
OPEN = Gauge("latchkey_event_streams", "Open event streams.")
SENT = Counted("latchkey_event_stream_events_total", "Events sent on event streams.")


@dataclass(frozen=True)
class _StreamRequest:
    secret: str
    ticket: StreamTicket
    filters: Sequence[Filter]


class EventStream:
    """`max_streams` is the limit for this process."""

    def __init__(
        self, *, tickets: FindStreamTickets, read: ReadEvents, signals: EventSignals, cors: Cors, max_streams: int
    ) -> None:
        self._tickets = tickets
        self._read = read
        self._signals = signals
        self._cors = cors
        self._max_streams = max_streams
        self._open: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send events until the reader disconnects, the ticket ends or the process stops."""
        headers = self._cors.headers(request)
        try:
            accepted = await self._accept(request)
            if isinstance(accepted, web.Response):
                accepted.headers.update(headers)
                return accepted
            position, gap = await self._start(request)
        except OAuthError:
            return _refusal(503, "temporarily unavailable", {**headers, "Retry-After": "5"})
        with self._place(accepted.ticket):
            response = web.StreamResponse(headers={**_HEADERS, **headers})
            await response.prepare(request)
            try:
                await _send(response, f"retry: {RETRY_MILLISECONDS}\n{_gap() if gap else ''}\n".encode())
                await self._follow(response, accepted, position)
            except (ConnectionError, TimeoutError, TemporarilyUnavailable):
                _cut(request)
            return response

    async def _accept(self, request: web.Request) -> _StreamRequest | web.Response:
        secret = _ticket(request)
        ticket = await self._tickets.by_secret(secret) if secret else None
        if ticket is None:
            return _refusal(401, "a valid ticket is required", {"WWW-Authenticate": 'Bearer realm="events"'})
        try:
            filters = [Filter.parse(text) for text in request.query.getall("filter", [])]
        except ValueError:
            return _refusal(400, "filter is not an event filter", {})
        if len(filters) > MAX_FILTERS:
            return _refusal(400, f"filter is given more than {MAX_FILTERS} times", {})
        if self._open.total() >= self._max_streams or self._open[ticket.ticket_id] >= MAX_STREAMS_PER_TICKET:
            return _refusal(503, "too many streams", {"Retry-After": "10"})
        return _StreamRequest(secret, ticket, filters)

    async def _start(self, request: web.Request) -> tuple[int, bool]:
        """Return the position to continue from, and True if events after Last-Event-ID are no longer stored."""
        last = request.headers.get("Last-Event-ID", "")
        if not last:
            return await self._read.newest(), False
        position = await self._read.position_of(last[:80])
        return (position, False) if position is not None else (await self._read.newest(), True)

    async def _follow(self, response: web.StreamResponse, accepted: _StreamRequest, position: int) -> None:
        clock = asyncio.get_running_loop().time
        checked = clock()
        while not self._signals.stopped:
            events = await self._read.after(position)
            permitted = [event for event in events if accepted.ticket.permits(event.name, accepted.filters)]
            if permitted:
                await _send(response, b"".join(map(_event, permitted)))
                SENT.inc(len(permitted))
            if events:
                position = events[-1].position
            else:
                await self._signals.wait_after(position, seconds=HEARTBEAT_SECONDS)
            if clock() - checked >= HEARTBEAT_SECONDS:
                checked = clock()
                if await self._tickets.by_secret(accepted.secret) is None:
                    return
                await _send(response, b":\n\n")

    @contextmanager
    def _place(self, ticket: StreamTicket) -> Iterator[None]:
        self._open[ticket.ticket_id] += 1
        OPEN.inc()
        try:
            yield
        finally:
            OPEN.dec()
            self._open[ticket.ticket_id] -= 1
            if not self._open[ticket.ticket_id]:
                del self._open[ticket.ticket_id]


def _ticket(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.query.get("ticket", "")


def _event(event: StoredEvent) -> bytes:
    """The stored body is JSON without line breaks."""
    return f"id: {event.event_id}\ndata: {event.body}\n\n".encode()


def _gap() -> str:
    return 'event: gap\ndata: {"reason":"events after Last-Event-ID are no longer stored"}\n'


async def _send(response: web.StreamResponse, data: bytes) -> None:
    """Write, and wait while the reader does not accept data. Raises TimeoutError after SEND_SECONDS."""
    async with asyncio.timeout(SEND_SECONDS):
        await response.write(data)


def _cut(request: web.Request) -> None:
    """Abort the connection. A regular close would wait for the reader."""
    if request.transport is not None:
        request.transport.abort()


def _refusal(status: int, text: str, headers: Mapping[str, str]) -> web.Response:
    fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, text=text + "\n", headers={**fixed, **headers})

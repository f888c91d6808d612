"""GET /events/stream: server-sent events (WHATWG HTML 9.2) for whoever shows a ticket.

A browser's EventSource can send no header, so the ticket may stand in the query as well: such a one should be
short-lived. Nothing here writes URLs into a log.
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
from services.event_bridge.adapters.event_signals import News
from services.event_bridge.domain.filters import MOST_FILTERS, Filter
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.http.cors import Cors
from services.event_bridge.ports import StoredEvent
from services.event_bridge.usecases.read_events import ReadEvents
from services.event_bridge.usecases.stream_tickets import FindStreamTickets

HEARTBEAT_SECONDS = 15.0
"""Between two signs of life; as often it is looked whether the ticket is still good."""
SEND_SECONDS = 10.0
"""A reader that takes nothing for so long is let go. It comes back with `Last-Event-ID`, and misses nothing."""
MOST_PER_TICKET = 8
RETRY_MILLISECONDS = 2_000
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
OPEN = Gauge("latchkey_event_streams", "Streams that are being read.")
SENT = Counted("latchkey_event_stream_events_total", "Events that were sent to readers of streams.")


@dataclass(frozen=True)
class _Asked:
    ticket: str
    found: StreamTicket
    wanted: Sequence[Filter]


class EventStream:
    """`most`: streams that one process serves."""

    def __init__(self, *, tickets: FindStreamTickets, read: ReadEvents, news: News, cors: Cors, most: int) -> None:
        self._tickets = tickets
        self._read = read
        self._news = news
        self._cors = cors
        self._most = most
        self._open: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Streams until the reader goes, the ticket ends or the process stops."""
        headers = self._cors.headers(request)
        try:
            asked = await self._judged(request)
            if isinstance(asked, web.Response):
                asked.headers.update(headers)
                return asked
            position, gap = await self._start(request)
        except OAuthError:
            return _refusal(503, "temporarily unavailable", {**headers, "Retry-After": "5"})
        with self._place(asked.found):
            response = web.StreamResponse(headers={**_HEADERS, **headers})
            await response.prepare(request)
            try:
                await _send(response, f"retry: {RETRY_MILLISECONDS}\n{_gap() if gap else ''}\n".encode())
                await self._follow(response, asked, position)
            except (ConnectionError, TimeoutError, TemporarilyUnavailable):
                _cut(request)
            return response

    async def _judged(self, request: web.Request) -> _Asked | web.Response:
        ticket = _ticket(request)
        found = await self._tickets.shown(ticket) if ticket else None
        if found is None:
            return _refusal(401, "a ticket is needed", {"WWW-Authenticate": 'Bearer realm="events"'})
        try:
            wanted = [Filter.parse(text) for text in request.query.getall("filter", [])]
        except ValueError:
            return _refusal(400, "not an event filter", {})
        if len(wanted) > MOST_FILTERS:
            return _refusal(400, "too many filters", {})
        if self._open.total() >= self._most or self._open[found.ticket_id] >= MOST_PER_TICKET:
            return _refusal(503, "too many streams", {"Retry-After": "10"})
        return _Asked(ticket, found, wanted)

    async def _start(self, request: web.Request) -> tuple[int, bool]:
        """Where to go on, and whether something was missed that is not kept any more."""
        last = request.headers.get("Last-Event-ID", "")
        if not last:
            return await self._read.newest(), False
        position = await self._read.position_of(last[:80])
        return (position, False) if position is not None else (await self._read.newest(), True)

    async def _follow(self, response: web.StreamResponse, asked: _Asked, position: int) -> None:
        clock = asyncio.get_running_loop().time
        looked = clock()
        while not self._news.over:
            events = await self._read.after(position)
            shown = [event for event in events if asked.found.shows(event.name, asked.wanted)]
            if shown:
                await _send(response, b"".join(map(_event, shown)))
                SENT.inc(len(shown))
            if events:
                position = events[-1].position
            else:
                await self._news.after(position, seconds=HEARTBEAT_SECONDS)
            if clock() - looked >= HEARTBEAT_SECONDS:
                looked = clock()
                if await self._tickets.shown(asked.ticket) is None:
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
    """The body is JSON without line breaks, as it was kept."""
    return f"id: {event.event_id}\ndata: {event.body}\n\n".encode()


def _gap() -> str:
    return 'event: gap\ndata: {"reason":"what came since Last-Event-ID is not kept any more"}\n'


async def _send(response: web.StreamResponse, data: bytes) -> None:
    """Waits while the reader's side is full. Raises TimeoutError."""
    async with asyncio.timeout(SEND_SECONDS):
        await response.write(data)


def _cut(request: web.Request) -> None:
    """Ends a connection whose reader takes nothing: a polite end would wait for it."""
    if request.transport is not None:
        request.transport.abort()


def _refusal(status: int, text: str, headers: Mapping[str, str]) -> web.Response:
    fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, text=text + "\n", headers={**fixed, **headers})

"""The HTTP edge of this service."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.servicekit.base import trace
from services.event_bridge.adapters.event_signals import EventSignals
from services.event_bridge.http.cors import Cors
from services.event_bridge.http.stream import EventStream

PATH = "/events/stream"
_MAX_BODY_BYTES = 1024


def build_edge(stream: EventStream, *, cors: Cors, signals: EventSignals) -> web.Application:
    """Return the application. Streams end when it shuts down."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_observe])
    app.add_routes([web.get(PATH, stream.serve, allow_head=False), web.options(PATH, cors.preflight)])

    async def end(_: web.Application) -> None:
        signals.stop()

    app.on_shutdown.append(end)
    return app


@web.middleware
async def _observe(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    trace.begin(request.headers.get(trace.HEADER))
    return await handler(request)

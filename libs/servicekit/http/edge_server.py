"""The HTTP server below a public edge: what happens to requests that never become a request of the application.

aiohttp's own error page quotes bytes of the request, which may be a session cookie, and its log entry has them with a
stack trace. It also waits without limit for the rest of a request body. Here, malformed requests get the error response
of the edge, slow ones are closed, and the number of open connections is limited.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from libs.servicekit.base import logs
from libs.servicekit.base.metrics import REFUSED_CONNECTIONS
from libs.servicekit.http.addresses import Networks, is_in

MAX_HEADER_BYTES: Final = 32 * 1024
"""Of one header, name and value together."""
_MAX_REQUEST_LINE_BYTES: Final = MAX_HEADER_BYTES + 1
"""One more than a header, because aiohttp's error says only which limit was exceeded."""
HEADER_SECONDS: Final = 10.0
"""From the first byte of a request to the end of its headers."""
BODY_SECONDS: Final = 10.0
"""For a request body, plus the time that it takes at the minimum rate."""
MIN_BODY_BYTES_PER_SECOND: Final = 8 * 1024
_GRACE_SECONDS: Final = 1.0
"""A connection that began a request within this time is not closed in favour of a new one."""
_KEEPALIVE_SECONDS: Final = 75
_LINGERING_SECONDS: Final = 2.0

ErrorResponse = Callable[[HTTPStatus], web.Response]
ERROR_RESPONSE: Final = web.AppKey[ErrorResponse]("error_response")
"""An application sets this to render the response to a request that never reaches it. Contains no request data."""
_log = logs.get(__name__)


class Connections:
    """The open connections of one listener, limited in total and per remote address.

    At a limit, a new connection replaces the oldest one that is not being served: first one with an unfinished request,
    then an idle one. The new one is refused only if every connection is being served. So slow or idle connections
    cannot lock out requests.

    Args:
        limit: of all connections.
        per_address: of one remote address. Does not apply to trusted proxies.
    """

    def __init__(self, *, limit: int, per_address: int, trusted_proxies: Networks = ()) -> None:
        self._limit = limit
        self._per_address = per_address
        self._trusted_proxies = tuple(trusted_proxies)
        self._all: dict[EdgeConnection, None] = {}
        self._by_address: dict[str, dict[EdgeConnection, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def accept(self, connection: "EdgeConnection", address: str) -> bool:
        """Returns False if the connection must be refused."""
        same = self._by_address.setdefault(address, {})
        limited = not is_in(address, self._trusted_proxies)
        admitted = (not limited or len(same) < self._per_address or _close_one(same)) and (
            len(self._all) < self._limit or _close_one(self._largest() if limited else self._all)
        )
        if admitted:
            same[connection] = self._all[connection] = None
        else:
            REFUSED_CONNECTIONS.inc()
            if not same:
                del self._by_address[address]
        return admitted

    def remove(self, connection: "EdgeConnection", address: str) -> None:
        """Forgets a closed connection."""
        self._all.pop(connection, None)
        same = self._by_address.get(address)
        if same is not None:
            same.pop(connection, None)
            if not same:
                del self._by_address[address]

    def _largest(self) -> dict["EdgeConnection", None]:
        return max(self._by_address.values(), key=len)


def _close_one(connections: dict["EdgeConnection", None]) -> bool:
    """Closes the oldest connection that is not being served. Returns False if there is none."""
    for condition in (EdgeConnection.is_unfinished, EdgeConnection.is_idle):
        for connection in connections:
            if condition(connection):
                connection.abort()
                REFUSED_CONNECTIONS.inc()
                return True
    return False


class EdgeConnection(RequestHandler):
    """One connection of a public edge."""

    __slots__ = ("_address", "_connections", "_deadline", "_error_response", "_receiving_since", "_serving")

    def __init__(
        self, manager: Any, *, connections: Connections, error_response: ErrorResponse, **options: Any
    ) -> None:
        super().__init__(
            manager,
            max_line_size=_MAX_REQUEST_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            lingering_time=_LINGERING_SECONDS,
            **options,
        )
        self._connections = connections
        self._error_response = error_response
        self._address = ""
        self._receiving_since: float | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._serving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        if not self._connections.accept(self, self._address):
            self._force_close = True
            super().connection_made(transport)
            self.abort()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_deadline()
        self._connections.remove(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        super().data_received(data)
        if self._serving:
            return  # what arrives is the request's body, which has a deadline of its own
        if self._request_count > before:
            self._stop_deadline()
        elif self._receiving_since is None:
            self._start_deadline(HEADER_SECONDS, self.abort)

    def is_unfinished(self) -> bool:
        """A request began to arrive more than a second ago and is not complete."""
        since = self._receiving_since
        return since is not None and self._loop.time() - since > _GRACE_SECONDS

    def is_idle(self) -> bool:
        """No request is being received or served."""
        return self._receiving_since is None and not self._serving

    def abort(self) -> None:
        """Closes the connection at once."""
        self.force_close()
        if self.transport is not None:
            self.transport.abort()

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> tuple[web.StreamResponse, bool]:
        self._serving = True
        body = request.content
        if not body.is_eof():
            length = min(request.content_length or 0, request._client_max_size)  # noqa: SLF001 - the edge's own limit

            def on_timeout() -> None:
                if not body.is_eof():
                    _log.info("edge.request_body_timeout", message="Request body was not received in time")
                    body.set_exception(web.HTTPRequestTimeout())

            self._start_deadline(BODY_SECONDS + length / MIN_BODY_BYTES_PER_SECOND, on_timeout)
            body.on_eof(self._stop_deadline)
        try:
            return await super()._handle_request(request, start_time, request_handler)
        finally:
            self._serving = False
            self._stop_deadline()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to a request that is not HTTP, or whose request line or headers are too long."""
        found = HTTPStatus(status)
        if isinstance(exc, LineTooLong):
            too_long_line = exc.args[-1:] == (str(_MAX_REQUEST_LINE_BYTES),) or str(_MAX_REQUEST_LINE_BYTES) in str(exc)
            found = HTTPStatus.REQUEST_URI_TOO_LONG if too_long_line else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        log = _log.error if found >= HTTPStatus.INTERNAL_SERVER_ERROR else _log.info
        log(
            "edge.malformed_request",
            message="Refused a malformed HTTP request",
            status=found.value,
            error=type(exc).__name__,
        )
        if request.writer.output_size > 0:
            raise ConnectionError("the response has already begun")
        response = self._error_response(found)
        response.force_close()
        return response

    def log_exception(self, *_args: Any, **fields: Any) -> None:
        """Logs the type of an exception only: its text and its frames may contain bytes of the request."""
        _log.error(
            "edge.connection_failed", message="HTTP connection failed", error=type(fields.get("exc_info")).__name__
        )

    def _start_deadline(self, seconds: float, act: Callable[[], None]) -> None:
        self._stop_deadline()
        self._receiving_since = self._loop.time()
        self._deadline = self._loop.call_later(seconds, act)

    def _stop_deadline(self) -> None:
        self._receiving_since = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def plain_error(status: HTTPStatus) -> web.Response:
    """An error response without a body format of its own, for edges that set none."""
    return BareResponse(text=f"{status.value} {status.phrase}\n", status=status.value)


class BareResponse(web.Response):
    """A response of a request that has no application: without the Server header that aiohttp adds."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


async def remove_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler for `on_response_prepare`: no response names the server software."""
    response.headers.popall("Server", None)


class EdgeSite(web.TCPSite):
    """Listens with EdgeConnection in the place of aiohttp's own protocol."""

    __slots__ = ("_connections",)

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, *, connections: Connections, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(runner, host, port, ssl_context=tls, backlog=1024)
        self._connections = connections

    async def start(self) -> None:
        """Starts to listen. Raises OSError if the address is in use."""
        await super(web.TCPSite, self).start()  # registers with the runner; TCPSite itself would create the server
        runner = self._runner
        server = runner.server
        error_response = runner.app.get(ERROR_RESPONSE, plain_error)  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()

        def connection() -> EdgeConnection:
            return EdgeConnection(
                server,
                connections=self._connections,
                error_response=error_response,
                loop=loop,
                access_log=None,
                keepalive_timeout=_KEEPALIVE_SECONDS,
            )

        self._server = await loop.create_server(
            connection, self._host, self._port, ssl=self._ssl_context, backlog=self._backlog
        )

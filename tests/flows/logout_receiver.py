"""A TLS server of client applications: receives back-channel logout requests and serves documents."""

import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.unit.fetch.certificates import Authority

HOST = "127.0.0.1"


@dataclass(frozen=True)
class LogoutRequest:
    """A POST request."""

    path: str
    content_type: str
    form: list[tuple[str, str]]
    tls: str

    @property
    def logout_token(self) -> str:
        ((name, value),) = self.form
        assert name == "logout_token"
        return value


@dataclass
class Receiver:
    """`answers`: path -> statuses of the next responses; after them the status is 200. Each client uses its own path."""

    port: int
    authority: Authority
    answers: dict[str, list[int]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    """Path -> JSON document that a GET returns."""
    _requests: dict[str, "queue.SimpleQueue[LogoutRequest]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def uri(self, path: str) -> str:
        return f"https://{HOST}:{self.port}{path}"

    @property
    def environment(self) -> dict[str, str]:
        """Settings that allow the services to reach this server."""
        return {
            "LATCHKEY_FETCH_ALLOWED_PRIVATE_HOSTS": f"{HOST}:{self.port}",
            "LATCHKEY_FETCH_EXTRA_CA": str(self.authority.pem),
        }

    def next(self, path: str, *, seconds: float = 30) -> LogoutRequest:
        """The next POST request to a path. Raises queue.Empty when none arrives."""
        return self._of(path).get(timeout=seconds)

    def has_received_nothing_more(self, path: str) -> bool:
        return self._of(path).empty()

    def record(self, received: LogoutRequest) -> int:
        with self._lock:
            statuses = self.answers.get(received.path, [])
            status = statuses.pop(0) if statuses else 200
        self._of(received.path).put(received)
        return status

    def _of(self, path: str) -> "queue.SimpleQueue[LogoutRequest]":
        with self._lock:
            return self._requests.setdefault(path, queue.SimpleQueue())


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    authority = Authority.new(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            connection: Any = self.connection
            received = LogoutRequest(
                self.path, self.headers.get("Content-Type", ""), parse_qsl(body), connection.version()
            )
            self.send_response(receiver.record(received))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            document = receiver.documents.get(self.path)
            self.send_response(404 if document is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document or b"")))
            self.end_headers()
            self.wfile.write(document or b"")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, *_: object) -> None:
            pass

    context = authority.server(HOST, oldest=ssl.TLSVersion.TLSv1_3)
    with Server((HOST, 0), Handler) as server:
        receiver = Receiver(server.server_address[1], authority)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()

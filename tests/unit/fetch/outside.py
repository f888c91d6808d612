"""The outside world on loopback: TLS servers that say anything, a name server that says anything, and routes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

HOST = "client.test"
PUBLIC = "93.184.215.14"
ANOTHER_PUBLIC = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


@dataclass(frozen=True)
class Request:
    line: str
    headers: Mapping[str, str]
    body: bytes


Respond = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"{}", *, status: str = "200 OK", **headers: str) -> bytes:
    """An answer of HTTP/1.1; keywords are headers: `content_type="text/html"`."""
    fields = {"content_type": "application/json", "content_length": str(len(body))} | headers
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode() + body


def says(data: bytes) -> Respond:
    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return respond


@dataclass
class Server:
    """What a server saw."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    sni: list[str | None] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    sent: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(condition)

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()


@asynccontextmanager
async def serving(respond: Respond, context: ssl.SSLContext | None) -> AsyncIterator[Server]:
    """A server on 127.0.0.1 that reads one request per connection and sends the given response; None: without TLS."""
    server = Server()
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        server.open += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                request = await _request(reader)
                server.requests.append(request)
                await server._note()
                await respond(request, writer)
                await reader.read()
        finally:
            writer.transport.abort()
            server.open -= 1
            tasks.discard(task)
            await server._note()

    if context is not None:
        context.sni_callback = lambda _socket, name, _context: server.sni.append(name)
    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value for name, _, value in (entry.partition(": ") for entry in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(line, headers, body)


class Names:
    """A name server: each name has a list of answers, given one after the other; the last one stays."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.answers = {name: list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        lists = self.answers[host]
        return lists.pop(0) if len(lists) > 1 else lists[0]

    async def close(self) -> None:
        pass


class Routes:
    """What is dialled goes to a server on loopback, or nowhere: no test reaches the world."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dialled: list[tuple[str, int]] = []
        self.to: dict[str, int] = {}
        """Address -> port on 127.0.0.1."""
        self.loopback: set[int] = set()
        """Ports that the test itself may dial."""
        loops = asyncio.selector_events.BaseSelectorEventLoop
        original = loops.sock_connect

        async def sock_connect(loop: Any, sock: Any, address: Any) -> None:
            if address[0] == "127.0.0.1" and address[1] in self.loopback:
                return await original(loop, sock, address)
            self.dialled.append((address[0], address[1]))
            port = self.to.get(address[0])
            if port is None:
                raise ConnectionRefusedError(address[0])
            return await original(loop, sock, ("127.0.0.1", port))

        monkeypatch.setattr(loops, "sock_connect", sock_connect)

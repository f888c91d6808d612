"""The HTTP server below an edge: malformed, slow and too many connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import pytest
from aiohttp import web

from libs.servicekit.http import edge_server
from libs.servicekit.http.edge_server import (
    ERROR_RESPONSE,
    MAX_HEADER_BYTES,
    BareResponse,
    Connections,
    EdgeSite,
    remove_server_header,
)

CANARY = "canary-4711"
BODY_LIMIT = 64 * 1024


def as_json(status: HTTPStatus) -> web.Response:
    return BareResponse(text=json.dumps({"status": status.value}), status=status.value, content_type="application/json")


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@asynccontextmanager
async def edge(*, limit: int = 100, per_address: int = 100) -> AsyncIterator[int]:
    """The port of an edge that echoes bodies."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app[ERROR_RESPONSE] = as_json
    app.on_response_prepare.append(remove_server_header)
    app.add_routes([web.get("/", echo), web.post("/", echo)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    connections = Connections(limit=limit, per_address=per_address)
    await EdgeSite(runner, "127.0.0.1", 0, connections=connections, tls=None).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the response; the connection is closed afterwards."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        writer.write(request)
        await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return int(lines[0].split()[1]), headers, body
    finally:
        await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


GET = b"GET / HTTP/1.1\r\nHost: edge\r\n"
MALFORMED = {
    "no HTTP": (b"\x16\x03\x01 " + CANARY.encode() + b"\r\n\r\n", 400),
    "control character in a header": (GET + b"Cookie: " + CANARY.encode() + b"\x00\r\n\r\n", 400),
    "header without a colon": (GET + CANARY.encode() + b"\r\n\r\n", 400),
    "two lengths": (GET + f"Content-Length: 1\r\nContent-Length: 2\r\nX: {CANARY}\r\n\r\n".encode(), 400),
    "header too long": (GET + b"Cookie: " + CANARY.encode() * 4_000 + b"\r\n\r\n", 431),
    "header name too long": (GET + CANARY.encode() * 4_000 + b": x\r\n\r\n", 431),
    "request line too long": (b"GET /?" + CANARY.encode() * 4_000 + b" HTTP/1.1\r\nHost: edge\r\n\r\n", 414),
}


@pytest.mark.s(60, 61)
@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_request_gets_the_error_response_of_the_edge(name: str, capfd: pytest.CaptureFixture[str]):
    request, expected = MALFORMED[name]
    async with edge() as port:
        status, headers, body = await exchange(port, request)
    assert (status, json.loads(body)) == (expected, {"status": expected})
    assert "server" not in headers
    logged = "".join(capfd.readouterr())
    assert CANARY not in logged
    assert "Traceback" not in logged


async def test_long_request_line_and_header_within_the_limit_reach_the_application():
    length = MAX_HEADER_BYTES - 200
    async with edge() as port:
        for request in (
            GET + b"Cookie: " + b"c" * length + b"\r\n\r\n",
            b"GET /?" + b"q" * length + b" HTTP/1.1\r\nHost: edge\r\n\r\n",
        ):
            status, headers, _ = await exchange(port, request)
            assert status == 200
            assert "server" not in headers


@pytest.mark.s(61)
async def test_unfinished_body_is_answered_with_408(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge_server, "BODY_SECONDS", 0.1)
    async with edge() as port:
        status, _, _ = await exchange(port, b"POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 100\r\n\r\nhalf")
    assert status == 408


@pytest.mark.s(61)
async def test_body_below_the_minimum_rate_is_answered_with_408(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge_server, "BODY_SECONDS", 0.1)
    monkeypatch.setattr(edge_server, "MIN_BODY_BYTES_PER_SECOND", 10_000)
    async with edge() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000\r\n\r\n")
        head = asyncio.create_task(reader.readuntil(b"\r\n"))
        while not head.done():  # a byte now and then does not extend the deadline
            writer.write(b"x")
            await asyncio.wait([head], timeout=0.02)
        assert b" 408 " in head.result()
        await closed(writer)


@pytest.mark.s(61)
async def test_unfinished_headers_close_the_connection(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge_server, "HEADER_SECONDS", 0.1)
    async with edge() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        await closed(writer)


@pytest.mark.s(61)
@pytest.mark.parametrize("limits", [{"per_address": 5}, {"limit": 5}], ids=["of an address", "of the process"])
@pytest.mark.parametrize(
    "unfinished", [b"", b"GET / HT", GET, b"POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_slow_connections_do_not_lock_out_requests(
    limits: dict[str, int], unfinished: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(edge_server, "_GRACE_SECONDS", 0.0)
    async with edge(**limits) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, writer in held:
            writer.write(unfinished)
            await writer.drain()
        for _ in range(20):
            status, _, _ = await exchange(port, GET + b"\r\n")
            assert status == 200
        for _, writer in held:
            await closed(writer)

"""No host makes a fetch long, large or numerous."""

import asyncio
import gzip
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetcher
from libs.fetch.slots import Slots
from tests.unit.fetch.conftest import World
from tests.unit.fetch.outside import HOST, PUBLIC, Request, Respond, Server, answer, says

pytestmark = pytest.mark.s(43)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def endlessly(start: bytes, piece: bytes) -> Respond:
    """Sends without end, as fast as it is read."""

    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # drain does not yield while there is room

    return respond


async def gone(server: Server) -> None:
    """Until the fetcher has hung up."""
    await server.until(lambda: server.connections > 0 and server.open == 0)


async def test_body_of_the_maximum_size_is_read(world: World):
    await world.host(says(answer(b"x" * 65536)))
    assert len((await world.fetcher().get(f"https://{HOST}/")).body) == 65536


async def test_body_with_too_large_content_length_is_refused(world: World):
    server = await world.host(says(HEAD + b"Content-Length: 65537\r\n\r\n"))
    refusal = await world.refusal()
    assert (refusal.reason, refusal.detail) == (Reason.TOO_LARGE, "announced")
    await gone(server)


@pytest.mark.parametrize(
    "respond",
    [
        says(CHUNKED + b"10001\r\n" + b"x" * 65537 + b"\r\n0\r\n\r\n"),
        endlessly(CHUNKED, b"1\r\nx\r\n" * 1000),
        endlessly(CHUNKED + b"ffffffff\r\n", b"x" * 10_000),
        endlessly(HEAD + b"\r\n", b"x" * 10_000),
    ],
    ids=["one byte more", "chunks", "one chunk", "until the connection ends"],
)
async def test_too_large_body_is_refused_while_reading(world: World, respond: Respond):
    server = await world.host(respond)
    assert (await world.refusal()).reason is Reason.TOO_LARGE
    await gone(server)


async def test_caller_can_set_a_lower_size_limit(world: World):
    await world.host(says(answer(b"x" * 11)))
    with pytest.raises(FetchRefused, match="TOO_LARGE"):
        await world.fetcher().get(f"https://{HOST}/", limit=10)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "unknown"])
async def test_compressed_body_is_refused(world: World, encoding: str):
    bomb = gzip.compress(bytes(10_000_000))
    await world.host(says(answer(bomb, content_encoding=encoding)))
    assert (await world.refusal()).reason is Reason.CONTENT_ENCODING


async def test_body_is_never_decompressed(world: World):
    bomb = gzip.compress(bytes(10_000_000))
    await world.host(says(answer(bomb, content_encoding="identity")))
    assert (await world.fetcher().get(f"https://{HOST}/")).body == bomb


@pytest.mark.parametrize(
    "respond",
    [
        endlessly(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 10),
        endlessly(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 1000),
        endlessly(b"HTTP/1.1 200 ", b"x" * 1000),
    ],
    ids=["many headers", "a long header", "a long status line"],
)
async def test_endless_headers_are_refused(world: World, respond: Respond):
    server = await world.host(respond)
    assert (await world.refusal()).reason is Reason.PROTOCOL
    await gone(server)


@pytest.mark.parametrize(
    "respond",
    [
        says(b""),
        says(HEAD),
        says(HEAD + b"Content-Length: 2\r\n\r\n{"),
        says(CHUNKED + b"1\r\n{\r\n"),
        endlessly(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        endlessly(CHUNKED + b"1;", b"extension=without-end;"),
    ],
    ids=["nothing", "half a head", "half a body", "half the chunks", "only promises", "chunk extensions"],
)
async def test_slow_host_times_out(world: World, respond: Respond):
    server = await world.host(respond)
    async with asyncio.timeout(20):  # less than any limit but the one of this test
        assert (await world.refusal(total_seconds=0.2)).reason in {Reason.TIMEOUT, Reason.PROTOCOL}
        await server.until(lambda: server.open == 0)


async def test_stalled_tls_handshake_times_out(world: World):
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        world.routes.to[PUBLIC] = listener.getsockname()[1]
        async with asyncio.timeout(20):
            assert (await world.refusal(connect_seconds=0.1)).reason is Reason.TIMEOUT


async def test_stalled_name_resolution_times_out(world: World, monkeypatch: pytest.MonkeyPatch):
    async def resolve(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(world.names, "resolve", resolve)
    refusal = await world.refusal(resolve_seconds=0.05)
    assert (refusal.reason, refusal.detail) == (Reason.TIMEOUT, "resolving the name")


async def test_socket_is_closed_when_the_peer_does_not_close(world: World):
    """The peer answers and never says good-bye: TLS alone would wait for that for half a minute."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = world.authority.server(HOST)
    hung_up = threading.Event()

    def peer() -> None:
        with (
            listener,
            listener.accept()[0] as plain,
            socket.socket(fileno=os.dup(plain.fileno())) as wire,
            context.wrap_socket(plain, server_side=True) as connection,
        ):
            connection.recv(65536)
            connection.sendall(answer(connection="close"))
            wire.settimeout(20)
            with suppress(ConnectionResetError):
                while wire.recv(65536):
                    pass
            hung_up.set()

    thread = threading.Thread(target=peer)
    thread.start()
    world.routes.to[PUBLIC] = listener.getsockname()[1]
    await world.fetcher().get(f"https://{HOST}/")
    await asyncio.to_thread(thread.join)
    assert hung_up.is_set()


class Crowd:
    """A server that responds on demand and counts concurrent requests."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.go = asyncio.Event()
        self.changed = asyncio.Condition()

    async def respond(self, _: Request, writer: asyncio.StreamWriter) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        async with self.changed:
            self.changed.notify_all()
        await self.go.wait()
        self.inside -= 1
        writer.write(answer())
        await writer.drain()

    async def until(self, number: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: self.inside == number)


def fetches(fetcher: Fetcher, number: int, host: str) -> list[asyncio.Task[object]]:
    return [asyncio.create_task(fetcher.get(f"https://{host}/")) for _ in range(number)]


async def test_concurrent_fetches_per_host_are_limited(world: World):
    crowd = Crowd()
    await world.host(crowd.respond, world.authority.server(HOST, "other.test"))
    world.names.answers["other.test"] = [[PUBLIC]]
    fetcher = world.fetcher(max_at_once_per_host=2, max_at_once=3)
    tasks = fetches(fetcher, 8, HOST)
    await crowd.until(2)
    tasks += fetches(fetcher, 8, "other.test")
    await crowd.until(3)
    crowd.go.set()
    await asyncio.gather(*tasks)
    assert crowd.most == 3
    assert len(world.routes.dialled) == 16


async def test_waiting_fetches_time_out_and_are_limited():
    slots = Slots(at_once=1, per_host=1, waiting=1)
    now = asyncio.get_running_loop().time()

    async def hold(until: float) -> None:
        async with slots.held(HOST, until=until):
            pass

    async with slots.held(HOST, until=now + 60):
        with pytest.raises(FetchRefused, match="no slot in time"):
            await hold(until=now)
        waiting = asyncio.create_task(hold(until=now + 60))
        await asyncio.sleep(0)  # it has begun to wait
        with pytest.raises(FetchRefused, match="too many fetches are waiting"):
            await hold(until=now + 60)
    await waiting


async def test_wait_for_a_slot_counts_towards_the_time_limit(world: World):
    await world.host(Crowd().respond)
    fetcher = world.fetcher(max_at_once=1, total_seconds=0.2)
    async with asyncio.timeout(20):
        results = await asyncio.gather(*fetches(fetcher, 2, HOST), return_exceptions=True)
    assert {result.reason for result in results if isinstance(result, FetchRefused)} <= {Reason.TIMEOUT, Reason.BUSY}
    assert all(isinstance(result, FetchRefused) for result in results)


async def test_cancelled_fetch_releases_its_slot(world: World):
    crowd = Crowd()
    server = await world.host(crowd.respond)
    fetcher = world.fetcher(max_at_once=1, max_at_once_per_host=1)
    running, waiting = fetches(fetcher, 2, HOST)
    await crowd.until(1)
    waiting.cancel()
    running.cancel()
    await asyncio.wait({running, waiting})
    crowd.go.set()
    await gone(server)
    assert (await fetcher.get(f"https://{HOST}/")).body == b"{}"
    assert not fetcher._slots._lanes


async def test_cancelled_waiting_fetch_does_not_block_the_next(world: World):
    crowd = Crowd()
    await world.host(crowd.respond, world.authority.server(HOST, "other.test"))
    world.names.answers["other.test"] = [[PUBLIC]]
    fetcher = world.fetcher(max_at_once=1, max_at_once_per_host=1)
    (running,) = fetches(fetcher, 1, HOST)
    await crowd.until(1)
    waits_for_any_slot, waits_for_its_host = fetches(fetcher, 2, "other.test")
    await asyncio.sleep(0)  # both have begun to wait
    waits_for_any_slot.cancel()
    await asyncio.wait({waits_for_any_slot})
    crowd.go.set()
    async with asyncio.timeout(20):
        await asyncio.gather(running, waits_for_its_host)

"""A name that gains and loses addresses: callers find added replicas, and lose no call with removed ones."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from latchkey.keys.v1 import keys_pb2, keys_pb2_grpc
from libs.servicekit.base.service import Registration
from libs.servicekit.base.settings import Address
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.server import MAX_CONNECTION_AGE_SECONDS
from tests.contract.conftest import settings_of

HOSTS = ("127.0.0.1", "127.0.0.2")
CALLS_AT_ONCE = 4


@dataclass
class Calls:
    """How many calls each replica served."""

    of: Counter[str] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


async def until(happened: Callable[[], bool], changed: asyncio.Event) -> None:
    while not happened():
        changed.clear()
        await changed.wait()


@dataclass
class Names(asyncio.DatagramProtocol):
    """A DNS server that has these A records for every name, with a time to live of 0 seconds."""

    addresses: list[str]
    questions: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _transport: asyncio.DatagramTransport | None = field(default=None, init=False)

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        end = data.index(b"\0", 12) + 5  # after the name of the question: its type and class
        question = data[12:end]
        kind = struct.unpack(">H", question[-4:-2])[0]
        found = self.addresses if kind == 1 else []
        self.questions += 1
        self.changed.set()
        header = data[:2] + struct.pack(">HHHHH", 0x8580, 1, len(found), 0, 0)
        records = b"".join(struct.pack(">HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(each) for each in found)
        assert self._transport
        self._transport.sendto(header + question + records, addr)


class Keys(keys_pb2_grpc.VerificationKeyServiceServicer):
    """Counts the calls of its replica."""

    def __init__(self, host: str, calls: Calls) -> None:
        self._host = host
        self._calls = calls

    async def ListVerificationKeys(self, request, context):  # noqa: N802 - as the contract names it
        self._calls.of[self._host] += 1
        self._calls.changed.set()
        return keys_pb2.ListVerificationKeysResponse()


@asynccontextmanager
async def replica(host: str, port: int, tls, calls: Calls) -> AsyncIterator[int]:
    settings = settings_of("key-rotation", tls)
    registration = Registration(
        keys_pb2_grpc.add_VerificationKeyServiceServicer_to_server,
        Keys(host, calls),
        keys_pb2.DESCRIPTOR.services_by_name["VerificationKeyService"],
    )
    server, bound = await grpc_server.start(
        settings.model_copy(update={"grpc_listen": Address(host, port)}), [registration]
    )
    try:
        yield bound
    finally:
        await server.stop(5)


@asynccontextmanager
async def load(channel) -> AsyncIterator[None]:
    """Calls without a pause; a call that fails fails the test."""
    stub = keys_pb2_grpc.VerificationKeyServiceStub(channel)

    async def call() -> None:
        while True:
            await stub.ListVerificationKeys(keys_pb2.ListVerificationKeysRequest())

    callers = [asyncio.create_task(call()) for _ in range(CALLS_AT_ONCE)]
    try:
        yield
        assert not [caller.exception() for caller in callers if caller.done()]
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


def test_callers_look_up_a_name_again_within_half_a_minute():
    assert MAX_CONNECTION_AGE_SECONDS * 1.1 <= 25  # gRPC adds up to a tenth


async def test_added_replica_gets_its_share_and_removed_replica_loses_no_call(tls, connect, monkeypatch):
    monkeypatch.setattr(grpc_server, "MAX_CONNECTION_AGE_SECONDS", 1)
    calls, names = Calls(), Names([HOSTS[0]])
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: names, local_addr=("127.0.0.1", 0))
    dns = transport.get_extra_info("sockname")[1]
    first, second = HOSTS
    async with replica(first, 0, tls, calls) as port, asyncio.timeout(60):
        target = f"dns://127.0.0.1:{dns}/key-rotation.example:{port}"
        channel = await connect(target, identity="token", service="key-rotation")
        async with load(channel):
            await until(lambda: calls.of[first] > 0, calls.changed)
            async with replica(second, port, tls, calls):
                names.addresses = [first, second]
                await until(lambda: calls.of[second] > 0, calls.changed)
                calls.of.clear()
                await until(lambda: calls.of.total() >= 400, calls.changed)
                assert calls.of[second] >= 100, "round robin gives each replica about half"
                names.addresses = [first]
                asked = names.questions
                await until(lambda: names.questions >= asked + 4, names.changed)  # the caller knows that it is removed
            calls.of.clear()
            await until(lambda: calls.of[first] >= 50, calls.changed)
        assert not calls.of[second]
    transport.close()

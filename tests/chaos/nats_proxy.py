"""A proxy between a service and NATS that delays and duplicates messages, drops acknowledgements, and cuts connections.

It parses the client's frames (docs.nats.io, reference: NATS protocol), so that it duplicates whole messages.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_DELAY_SECONDS = 0.02
_PUBLISHES = (b"PUB ", b"HPUB ")


@dataclass
class NatsProxy:
    """`did` counts the disturbances by kind."""

    target: str
    randomness: random.Random
    url: str = ""
    calm: bool = False
    did: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = urlsplit(self.target)
        try:
            to_reader, to_writer = await asyncio.open_connection(there.hostname, there.port)
        except OSError:
            return
        ways = [
            asyncio.create_task(self._publishes(reader, to_writer)),
            asyncio.create_task(self._answers(to_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _end(to_writer)

    async def _publishes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            frame = line
            if line.upper().startswith(_PUBLISHES):
                frame += await reader.readexactly(int(line.split()[-1]) + 2)
            writer.write(frame)
            if frame is not line and b"latchkey.v1." in line and not self.calm:
                await self._disturb(frame, writer)
            await writer.drain()

    async def _disturb(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        """The message has been sent; the connection may be cut before the acknowledgement arrives."""
        chance = self.randomness.random()
        if chance < 0.01:
            self.did["cut"] += 1
            await writer.drain()
            raise ConnectionResetError
        if chance < 0.15:
            self.did["duplicated"] += 1
            writer.write(frame)
        elif chance < 0.3:
            self.did["delayed"] += 1
            await asyncio.sleep(self.randomness.uniform(0, MAX_DELAY_SECONDS))

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            frame = line
            if line.startswith((b"MSG ", b"HMSG ")):
                frame += await reader.readexactly(int(line.split()[-1]) + 2)
                # An acknowledgement of JetStream, not the response to another request.
                if b'"seq":' in frame and not self.calm and self.randomness.random() < 0.01:
                    self.did["lost an acknowledgement"] += 1
                    continue
            writer.write(frame)
            await writer.drain()


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def unreliable(target: str, *, seed: str) -> AsyncIterator[NatsProxy]:
    proxy = NatsProxy(target, random.Random(seed))
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        try:
            with suppress(asyncio.CancelledError):
                await proxy.serve(reader, writer)
        finally:
            await _end(writer)
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        proxy.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

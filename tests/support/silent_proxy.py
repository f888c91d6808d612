"""A proxy before PostgreSQL that can fall silent: connections stay open, and nothing passes any more.

So a silent failover looks to a client: no packet comes, and no connection is closed.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL

_SOCKET = ".s.PGSQL.5432"


@dataclass
class SilentProxy:
    """`url` is that of the database through the proxy."""

    url: URL
    _passing: asyncio.Event = field(default_factory=asyncio.Event)

    def fall_silent(self) -> None:
        self._passing.clear()

    def pass_again(self) -> None:
        self._passing.set()

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def silent_proxy(database: URL) -> AsyncIterator[SilentProxy]:
    """A proxy before a server that listens on a Unix socket, as the server of the tests does."""
    there = Path(str(database.query["host"])) / _SOCKET
    with tempfile.TemporaryDirectory(prefix="pg") as folder:  # short: the path of a socket has at most 107 bytes
        proxy = SilentProxy(database.set(query={**database.query, "host": folder}))
        proxy.pass_again()
        tasks: set[asyncio.Task[None]] = set()
        writers: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to_reader, to_writer = await asyncio.open_unix_connection(there)
            writers.extend((writer, to_writer))
            for copying in (proxy.copy(reader, to_writer), proxy.copy(to_reader, writer)):
                task = asyncio.create_task(copying)
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        server = await asyncio.start_unix_server(serve, str(Path(folder) / _SOCKET))
        try:
            yield proxy
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in writers:
                writer.transport.abort()
            await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

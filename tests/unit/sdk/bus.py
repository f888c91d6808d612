"""A real nats-server with both streams, and a publisher for tests of subscribers."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client

from libs.servicekit.nats.bus import STREAMS


class NatsServer:
    """nats-server with JetStream on a free loopback port. It keeps port and store across restarts."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.configuration = folder / "nats.conf"
        self.configuration.write_text(
            f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{folder / "data"}" }}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = Path(sys.executable).with_name("nats-server")
        self._process = subprocess.Popen([binary, "-c", self.configuration], stderr=subprocess.DEVNULL)

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process and self._process.poll() is None:
            self.send_signal(signal.SIGCONT)
            self.send_signal(number)
            self._process.wait()


class Publisher:
    """Publishes events as the outbox relays do: CloudEvents JSON, acknowledged by the stream."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jetstream = client.jetstream()
        self._count = 0

    async def make_streams(self) -> None:
        for name, (subjects, _) in STREAMS.items():
            await self.jetstream.add_stream(name=name, subjects=list(subjects))

    async def event(self, name: str = "login.succeeded", *, shard: int = 7, **attributes: Any) -> str:
        """Publish an event with this name. Returns its id."""
        self._count += 1
        event = an_envelope(name, **{"id": f"event-{self._count}"} | attributes)
        await self.jetstream.publish(f"latchkey.v1.{name}.{shard:02d}", json.dumps(event).encode())
        return str(event["id"])

    async def consumers(self, stream: str) -> list[str]:
        return [info.name for info in await self.jetstream.consumers_info(stream)]


def an_envelope(name: str = "login.succeeded", **attributes: Any) -> Mapping[str, Any]:
    return {
        "specversion": "1.0",
        "id": "event",
        "source": "http://localhost:8080",
        "type": f"latchkey.{name}.v1",
        "subject": "user-1",
        "time": "2026-03-01T12:00:00.125Z",
        "data": {"user_id": "user-1"},
    } | attributes


@asynccontextmanager
async def publisher_for(
    url: str, *, creds: Path | None = None, inbox_prefix: str = "_INBOX"
) -> AsyncIterator[Publisher]:
    client = await nats.connect(
        url,
        user_credentials=str(creds) if creds else None,
        inbox_prefix=inbox_prefix,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
        error_cb=_quietly,
    )
    try:
        yield Publisher(client)
    finally:
        await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a long timeout because a killed server needs time to recover."""
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - the condition depends on another process
            await asyncio.sleep(0.01)


async def _quietly(_: Exception) -> None:
    """Ignore errors: tests stop the server."""

"""A NATS server with the users and permissions of the local run and the streams of the services."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import pytest

from deploy.provision import nats_server
from deploy.provision.home import Home
from latchkey_sdk import subscribe
from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.mirrors import MIRRORED, MIRRORS, Mirror
from tests.unit.sdk.bus import NatsServer, publisher_for

Json = dict[str, Any]
Publish = Callable[..., None]


@pytest.fixture
def run_home(nowhere: Path) -> Home:
    return Home(nowhere / ".latchkey")


@pytest.fixture
def guarded_server(run_home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[NatsServer]:
    """A NATS server with the configuration of the local run; run.json names it."""
    server = NatsServer(tmp_path)
    run_home.make_folders()
    server.configuration = nats_server.prepare(run_home, port=server.port, now=datetime.now(UTC))
    own = dict.fromkeys(("ca", "certificate", "key"), "x")
    own |= {"nats_creds": str(run_home.creds("cli")), "subscribers_key": str(nats_server.subscribers_key(run_home))}
    run = {"issuer": "https://id.example", "client_edge": "", "nats_url": server.url, "services": {}, "cli": own}
    run_home.run_file.write_text(json.dumps(run))
    server.start()
    asyncio.run(_make_streams(run_home, server))
    capsys.readouterr()  # drop log lines about waiting for the server
    yield server
    server.stop()


async def _make_streams(home: Home, server: NatsServer) -> None:
    """Creates the streams of every account as the key-rotation service does."""
    await asyncio.gather(*(_keep_once(home, server, mirror) for mirror in (None, *MIRRORS)))


async def _keep_once(home: Home, server: NatsServer, mirror: Mirror | None) -> None:
    creds = home.creds(nats_server.stream_owner_user(mirror.account) if mirror else "key-rotation")
    settings = BusSettings(
        issuer="https://id.example",
        nats_url=server.url,
        nats_creds=creds,
        nats_stream_bytes=64 * 1024**2,
        **dict.fromkeys(("tls_ca", "tls_certificate", "tls_key"), creds),  # type: ignore[arg-type] # not used here
    )
    bus = Bus(settings, service="key-rotation", keeps_streams=True, mirror=mirror)
    running = asyncio.create_task(bus.run())
    await bus.until_ready()
    running.cancel()
    await asyncio.wait({running})


async def _until_copied(home: Home, server: NatsServer) -> None:
    """Returns when the operator's account has all events of the services' account."""
    async with AsyncExitStack() as stack:
        clients = []
        for user in ("authentication", "cli"):
            client = await nats.connect(
                server.url, user_credentials=str(home.creds(user)), inbox_prefix=f"_INBOX_{user}"
            )
            stack.push_async_callback(client.close)
            clients.append(client.jetstream())
        original, copy = clients
        async with asyncio.timeout(20):
            for stream in MIRRORED:
                expected = (await original.stream_info(stream)).state.last_seq
                while (await copy.stream_info(stream)).state.messages < expected:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)


@pytest.fixture
def publish(guarded_server: NatsServer, run_home: Home) -> Publish:
    def events(*names: str, user: str = "authentication", **attributes: Any) -> None:
        async def publish_all() -> None:
            async with publisher_for(
                guarded_server.url, creds=run_home.creds(user), inbox_prefix=f"_INBOX_{user}"
            ) as publisher:
                for name in names:
                    await publisher.event(name, **attributes)
            await _until_copied(run_home, guarded_server)

        asyncio.run(publish_all())

    return events


def made(latchkey: Callable[..., Any], *arguments: str) -> Json:
    output: Json = latchkey("subscriber", "create", "crm", *arguments, "--json").json
    return output


async def read(subscriber: Json, count: int) -> list[str]:
    """IDs of the next events, read by the SDK with the subscriber's credentials."""
    access = {"servers": subscriber["servers"], "creds": subscriber["creds_file"], "durable": subscriber["consumer"]}
    async with subscribe(subscriber["filter"], **access) as events, asyncio.timeout(20):
        return [(await anext(events)).id for _ in range(count)]

"""A NATS server with the users and permissions of the local run and the streams of the services."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.provision import nats_server
from deploy.provision.home import Home
from latchkey_sdk import subscribe
from tests.support.nats_streams import make_streams, until_copied
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
    asyncio.run(make_streams(run_home, server.url))
    capsys.readouterr()  # drop log lines about waiting for the server
    yield server
    server.stop()


@pytest.fixture
def publish(guarded_server: NatsServer, run_home: Home) -> Publish:
    def events(*names: str, user: str = "authentication", **attributes: Any) -> None:
        async def publish_all() -> None:
            async with publisher_for(
                guarded_server.url, creds=run_home.creds(user), inbox_prefix=f"_INBOX_{user}"
            ) as publisher:
                for name in names:
                    await publisher.event(name, **attributes)
            await until_copied(run_home, guarded_server.url)

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

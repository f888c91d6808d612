"""Subscriptions when the NATS server restarts, hangs, loses data or refuses access (nats-io/nats.py#504)."""

import asyncio
import logging
import shutil
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.provision import nats_server
from deploy.provision.home import Home
from latchkey_sdk import AccessRefused, Subscription, subscribe
from latchkey_sdk.connection import credential_scope
from latchkey_sdk.consumer import ConsumerSpec, starting
from tests.support.nats_streams import make_streams, until_copied
from tests.unit.sdk.bus import NatsServer, Publisher, publisher_for, until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def the_next(events: Subscription) -> str:
    async with asyncio.timeout(20):
        return (await anext(events)).id


@pytest.mark.parametrize("durable", ["crm", None])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_event_is_lost_when_the_server_restarts(
    server: NatsServer,
    publisher: Publisher,
    durable: str | None,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A killed server may lose an acknowledgement and redeliver the event after this time.
    monkeypatch.setattr("latchkey_sdk.consumer.ACK_WAIT_SECONDS", 1)
    seen: list[str] = []

    async def read(events: Subscription) -> None:
        async for event in events:
            seen.append(event.id)  # noqa: PERF401 - seen while the loop runs

    async with subscribe(servers=server.url, durable=durable) as events:
        reading = asyncio.create_task(read(events))
        for turn in (1, 2, 3):
            await publisher.event("login.succeeded")
            await until(lambda: f"event-{turn}" in seen)  # noqa: B023 - awaited in the same turn
            server.stop(number)
            await until(lambda: not publisher.client.is_connected)
            server.start()
            await until(lambda: publisher.client.is_connected)
        await publisher.event("login.succeeded")
        await until(lambda: "event-4" in seen)
        reading.cancel()
    # Events may be delivered twice, but not out of order.
    assert list(dict.fromkeys(seen)) == ["event-1", "event-2", "event-3", "event-4"]


async def test_event_is_redelivered_when_a_killed_server_lost_the_delivery(
    server: NatsServer, publisher: Publisher, tmp_path: Path
) -> None:
    """The server stores the position of a consumer late, and does not confirm messages about lost deliveries."""
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        (state,) = (tmp_path / "data").rglob("obs/crm")
        shutil.copytree(state, tmp_path / "early")
        for turn in (1, 2):
            await publisher.event()
            assert await the_next(events) == f"event-{turn}"
        server.stop(signal.SIGKILL)
        await until(lambda: not publisher.client.is_connected)
        shutil.rmtree(state)
        shutil.copytree(tmp_path / "early", state)
        server.start()
        await until(lambda: publisher.client.is_connected)
        await publisher.event()
        assert [await the_next(events) for _ in range(3)] == ["event-1", "event-2", "event-3"]


async def test_event_is_acknowledged_after_a_restart(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        await publisher.event()
        assert await the_next(events) == "event-1"
        server.stop()
        await until(lambda: not publisher.client.is_connected)
        server.start()
        await until(lambda: publisher.client.is_connected)
        await publisher.event()
        assert await the_next(events) == "event-2"


async def test_pull_request_is_repeated_when_the_server_hangs(
    server: NatsServer, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "latchkey_sdk")
    async with impatient(server.url) as events:
        waiting = asyncio.create_task(the_next(events))
        server.send_signal(signal.SIGSTOP)
        await until(lambda: caplog.text.count("no heartbeat") >= 2)
        server.send_signal(signal.SIGCONT)
        await publisher.event()
        assert await waiting == "event-1"
        await publisher.event()
        assert await the_next(events) == "event-2"


async def test_slow_loop_body_gets_its_event_once(
    server: NatsServer, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latchkey_sdk.consumer.ACK_WAIT_SECONDS", 0.3)
    async with impatient(server.url) as events:
        await publisher.event()
        await publisher.event()
        assert await the_next(events) == "event-1"
        started = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() - started > 1)
        assert await the_next(events) == "event-2"


async def test_lost_consumer_is_created_again_at_its_position(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm", since="beginning") as events:
        for _ in range(4):
            await publisher.event()
        seen = [await the_next(events) for _ in range(2)]
        await publisher.jetstream.delete_consumer("LATCHKEY_EVENTS", "crm")
        while seen[-1] != "event-4":
            seen.append(await the_next(events))
    assert sorted(set(seen)) == ["event-1", "event-2", "event-3", "event-4"]
    assert "event-1" not in seen[2:]


async def test_subscription_continues_when_the_stream_was_created_again(
    server: NatsServer, publisher: Publisher, tmp_path: Path
) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        for _ in range(3):
            await publisher.event()
            await the_next(events)
        server.stop()
        await until(lambda: not publisher.client.is_connected)
        shutil.rmtree(tmp_path / "data")
        server.start()
        await until(lambda: publisher.client.is_connected)
        waiting = asyncio.create_task(the_next(events))
        await publisher.make_streams()
        while not await publisher.consumers("LATCHKEY_EVENTS"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await publisher.event()
        assert await waiting == "event-4"


def impatient(url: str) -> Subscription:
    """Return a subscription with a heartbeat interval of 0.1 seconds."""
    spec = ConsumerSpec(
        stream="LATCHKEY_EVENTS",
        name="crm",
        durable=True,
        subject="latchkey.v1.login.>",
        start=starting(None, now=NOW),
    )
    connection = {"servers": url, "creds": None, "inbox_prefix": None}
    return Subscription([spec], connection=connection, connect_timeout=5, heartbeat=0.1)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[tuple[NatsServer, Home]]:
    """A server with users and permissions, as in the local run, with one event."""
    home, server = Home(tmp_path), NatsServer(tmp_path)
    home.make_folders()
    server.configuration = nats_server.prepare(home, port=server.port, now=NOW)
    server.start()
    await make_streams(home, server.url)
    async with publisher_for(server.url, creds=home.creds("token"), inbox_prefix="_INBOX_token") as publisher:
        await publisher.event("client.created")
        for reader in ("cli", "subscriber"):
            await until_copied(home, server.url, reader=reader)
        yield server, home
    server.stop()


@pytest.mark.parametrize("user", ["cli", "subscriber"])
async def test_credentials_are_sufficient_for_a_reader(guarded: tuple[NatsServer, Home], user: str) -> None:
    server, home = guarded
    for durable in ("crm", None):
        async with subscribe(servers=server.url, creds=home.creds(user), durable=durable, since="beginning") as events:
            assert await the_next(events) == "event-1"


async def test_missing_permissions_are_reported_at_once(guarded: tuple[NatsServer, Home]) -> None:
    server, home = guarded
    with pytest.raises(AccessRefused, match="do not permit this"):
        async with subscribe("login.>", servers=server.url, creds=home.creds("token")):
            pass


async def test_credentials_of_another_account_are_refused(guarded: tuple[NatsServer, Home], tmp_path: Path) -> None:
    server, _ = guarded
    elsewhere = Home(tmp_path / "elsewhere")
    elsewhere.make_folders()
    nats_server.prepare(elsewhere, port=server.port, now=NOW)
    with pytest.raises(AccessRefused, match="refused the credentials"):
        async with subscribe(servers=server.url, creds=elsewhere.creds("cli")):
            pass


@pytest.mark.parametrize("text", ["", "-----BEGIN NATS USER JWT-----", "-----BEGIN NATS USER JWT-----\na.b.c\n"])
def test_malformed_credentials_file_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "crm.creds").write_text(text)
    with pytest.raises(AccessRefused, match=r"crm\.creds is not a NATS \.creds file"):
        credential_scope(tmp_path / "crm.creds")


def test_missing_credentials_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AccessRefused, match="cannot be read: No such file"):
        credential_scope(tmp_path / "crm.creds")

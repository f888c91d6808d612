"""latchkey subscriber, on a real nats-server with users and permissions."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from deploy.provision import nats_server
from deploy.provision.home import Home
from latchkey_sdk import AccessRefused
from libs.servicekit.nats.bus import STREAMS
from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.guarded import Json, Publish, made, read
from tests.unit.sdk.bus import NatsServer, publisher_for


@asynccontextmanager
async def stolen(subscriber: Json) -> AsyncIterator[tuple[Client, list[str]]]:
    """A plain NATS client with a subscriber's credentials, and the errors that the server reports."""
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    client = await nats.connect(
        subscriber["servers"],
        user_credentials=subscriber["creds_file"],
        inbox_prefix=subscriber["inbox_prefix"],
        error_cb=complain,
    )
    yield client, complaints
    await client.close()


def test_subscriber_reads_events_of_its_filter(latchkey: Latchkey, publish: Publish) -> None:
    subscriber = made(latchkey, "--filter", "login.>")
    publish("login.succeeded", "session.created", "login.failed")
    assert asyncio.run(read(subscriber, 2)) == ["event-1", "event-3"]
    assert Path(subscriber["creds_file"]).stat().st_mode & 0o777 == 0o600


def test_subscriber_settings_suffice_for_a_plain_nats_client(latchkey: Latchkey, publish: Publish) -> None:
    subscriber = made(latchkey, "--filter", "login.>")
    publish("login.succeeded")

    async def fetch() -> bytes:
        async with stolen(subscriber) as (client, _):
            jetstream = client.jetstream(prefix=subscriber["api_prefix"])
            pull = await jetstream.pull_subscribe_bind(subscriber["consumer"], stream=subscriber["stream"])
            (message,) = await pull.fetch(1, timeout=20)
            await message.ack_sync()
            return bytes(message.data)

    assert json.loads(asyncio.run(fetch()))["id"] == "event-1"


def test_printed_subscriber_program_runs(latchkey: Latchkey, publish: Publish, tmp_path: Path) -> None:
    answer = latchkey("subscriber", "create", "--filter", "login.>")
    program = answer.out[answer.out.index("import asyncio") :]
    assert len(program.strip().splitlines()) <= 12
    file = tmp_path / "program.py"
    file.write_text(program)
    publish("login.succeeded")
    with subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert "login.succeeded user-1" in running.stdout.readline()
        running.terminate()


@pytest.mark.parametrize(("since", "expected"), [("beginning", "event-1"), ("1h", "event-1"), (None, "event-2")])
def test_subscriber_starts_at_since(latchkey: Latchkey, publish: Publish, since: str | None, expected: str) -> None:
    publish("login.failed")
    subscriber = made(latchkey, "--filter", "login.>", *(("--since", since) if since else ()))
    publish("login.failed", id="event-2")
    assert asyncio.run(read(subscriber, 1)) == [expected]


def test_subscriber_filter_can_read_both_streams(latchkey: Latchkey, publish: Publish) -> None:
    subscriber = made(latchkey, "--filter", "token.>")
    assert subscriber["streams"] == ["LATCHKEY_EVENTS", "LATCHKEY_TOKENS"]
    publish("token.issued", "token.revoked", user="token")
    assert sorted(asyncio.run(read(subscriber, 2))) == ["event-1", "event-2"]


@pytest.mark.s(63)
def test_subscriber_credentials_permit_neither_publishing_nor_other_events(
    latchkey: Latchkey, publish: Publish
) -> None:
    other, subscriber = made(latchkey, "--filter", ">"), made(latchkey, "--filter", "login.>")
    publish("session.created")
    api, stream, name = subscriber["api_prefix"], subscriber["stream"], subscriber["consumer"]
    wider = ConsumerConfig(name=name, durable_name=name, filter_subject="latchkey.v1.>", ack_policy=AckPolicy.EXPLICIT)
    body = json.dumps({"stream_name": stream, "config": wider.as_dict()}).encode()
    publishes = [
        *(f"latchkey.v1.{event}.00" for event in ("login.succeeded", "session.ended", "token.revoked", "made.up")),
        f"latchkey.redriven.{name}",
        *(f"{prefix}.CONSUMER.CREATE.{stream}.{name}.latchkey.v1.login.>" for prefix in (api, "$JS.API")),
        f"{api}.CONSUMER.CREATE.{stream}.{name}",
        f"{api}.CONSUMER.DURABLE.CREATE.{stream}.{name}",
        f"{api}.CONSUMER.DELETE.{stream}.{name}",
        f"{api}.CONSUMER.MSG.NEXT.{stream}.{other['consumer']}",
        f"{api}.CONSUMER.INFO.{stream}.{other['consumer']}",
        f"$JS.ACK.{stream}.{other['consumer']}.1.1.1.1.1",
        f"{api}.STREAM.MSG.GET.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        "$JS.API.INFO",
    ]
    reads = ["latchkey.>", ">", "$JS.>", "_INBOX.>", f"{other['inbox_prefix']}.>", "_R_.>"]

    async def attack() -> list[str]:
        async with stolen(subscriber) as (client, complaints):
            for subject in publishes:
                await client.publish(subject, body)
            for subject in reads:
                await client.subscribe(subject)
            async with asyncio.timeout(10):
                while len(complaints) < len(publishes) + len(reads):  # noqa: ASYNC110 - of another process
                    await asyncio.sleep(0.01)
        return complaints

    refused = asyncio.run(attack())
    expected = [f'permissions violation for publish to "{subject.lower()}"' for subject in publishes]
    expected += [f'permissions violation for subscription to "{subject.lower()}"' for subject in reads]
    assert [complaint.removeprefix("nats: ") for complaint in refused] == expected


@pytest.mark.s(63)
@pytest.mark.parametrize("asked", ["CONSUMER.INFO", "CONSUMER.MSG.NEXT"])
def test_subscriber_cannot_direct_replies_to_event_subjects(
    latchkey: Latchkey, publish: Publish, guarded_server: NatsServer, run_home: Home, asked: str
) -> None:
    """JetStream sends its response to any reply subject and checks no permission for it."""
    subscriber = made(latchkey, "--filter", "login.>")
    publish("login.succeeded")

    async def attack() -> int:
        async with stolen(subscriber) as (client, complaints):
            request = f"{subscriber['api_prefix']}.{asked}.{subscriber['stream']}.{subscriber['consumer']}"
            for target in ("latchkey.v1.session.ended.07", f"latchkey.redriven.{subscriber['consumer']}"):
                await client.publish(request, b"1", reply=target)
            await client.flush()
            # What was asked before is done before this is answered, and the server had no complaint.
            own = f"{subscriber['api_prefix']}.CONSUMER.INFO.{subscriber['stream']}.{subscriber['consumer']}"
            for _ in range(5):
                await client.request(own, timeout=5)
            assert complaints == []
        async with publisher_for(
            guarded_server.url, creds=run_home.creds("token"), inbox_prefix="_INBOX_token"
        ) as publisher:
            return int((await publisher.jetstream.stream_info("LATCHKEY_EVENTS")).state.messages)

    assert asyncio.run(attack()) == 1


def test_deleted_subscriber_cannot_read(latchkey: Latchkey, publish: Publish) -> None:
    subscriber = made(latchkey, "--filter", "login.>")
    assert latchkey("subscriber", "delete", subscriber["consumer"], "--yes", "--json").json["deleted"]
    assert latchkey("subscriber", "delete", subscriber["consumer"], "--yes", "--json").error["error"] == "not_found"
    again = made(latchkey, "--filter", "login.>")
    assert again["consumer"] != subscriber["consumer"]
    publish("login.succeeded")
    with pytest.raises(AccessRefused):
        asyncio.run(read(subscriber, 1))


@pytest.mark.parametrize("arguments", [("CRM",), ("crm", "--filter", "Login"), ("crm", "--since", "yesterday")])
@pytest.mark.usefixtures("guarded_server")
def test_subscriber_create_refuses_invalid_name_or_filter(latchkey: Latchkey, arguments: tuple[str, ...]) -> None:
    assert latchkey("subscriber", "create", *arguments, "--json").error["error"] == "usage"


def test_subscriber_create_fails_without_the_subscribers_key(
    latchkey: Latchkey, guarded_server: NatsServer, run_home: Home
) -> None:
    nats_server.subscribers_key(run_home).unlink()
    assert "not a valid key for subscribers" in latchkey("subscriber", "create", "--json").error["error_description"]


def test_stream_names_equal_those_of_the_services(guarded_server: NatsServer, run_home: Home) -> None:
    async def subjects() -> dict[str, list[str]]:
        async with publisher_for(
            guarded_server.url, creds=run_home.creds("token"), inbox_prefix="_INBOX_token"
        ) as publisher:
            found = {name: await publisher.jetstream.stream_info(name) for name in STREAMS}
        return {name: info.config.subjects or [] for name, info in found.items()}

    assert asyncio.run(subjects()) == {name: list(subjects) for name, (subjects, _) in STREAMS.items()}

"""What each NATS user may do, asked of a real nats-server."""

import asyncio
import contextlib
import json
import socket
from datetime import UTC, datetime

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from deploy.local import readiness
from deploy.local.ports import Port
from deploy.local.supervision.process import Child, Program
from deploy.provision import nats_rights, nats_server
from deploy.provision.home import Home
from deploy.provision.nats_server import Keys
from deploy.provision.topology import SERVICE_NAMES
from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import Rights
from libs.servicekit.nats.bus import STREAMS
from libs.servicekit.nats.subscribers import API

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = Home(tmp_path_factory.mktemp("home"))
    made.make_folders()
    return made


@pytest.fixture(scope="module")
def server(home):
    """A running nats-server; the address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = nats_server.prepare(home, port=port, now=NOW)
    program = Program("nats", [str(nats_server.find_binary()), "-c", str(configuration)], {}, home.log("nats"))
    child = Child(program)
    child.start()
    while not readiness.answers(Port(port, "NATS", "")):
        assert child.alive, program.log.read_text()
    yield f"nats://127.0.0.1:{port}"
    child.kill()


class User:
    """A connection, and what the server complained about it."""

    def __init__(self, client: Client, complaints: "asyncio.Queue[str]") -> None:
        self.client = client
        self.jetstream = client.jetstream()
        self._complaints = complaints

    async def publishes_in_vain(self, *subjects: str) -> None:
        for subject in subjects:
            await self.client.publish(subject, b"{}")
        await self._hears("publish", subjects)

    async def subscribes_in_vain(self, *subjects: str) -> None:
        for subject in subjects:
            await self.client.subscribe(subject)
        await self._hears("subscription", subjects)

    async def _hears(self, action: str, subjects: tuple[str, ...]) -> None:
        """Exactly one complaint for each, in order."""
        async with asyncio.timeout(5):
            heard = [await self._complaints.get() for _ in subjects]
        assert heard == [f'nats: permissions violation for {action} to "{subject.lower()}"' for subject in subjects]

    @property
    def is_content(self) -> bool:
        return self._complaints.empty()


@pytest.fixture
async def connect(server, home):
    """Connects as a user."""
    async with contextlib.AsyncExitStack() as stack:

        async def as_user(name, *, inbox=None, creds=None):
            complaints: asyncio.Queue[str] = asyncio.Queue()

            async def on_error(error):
                complaints.put_nowait(str(error))

            client = Client()
            stack.push_async_callback(client.close)
            await client.connect(
                server,
                user_credentials=str(creds or home.creds(name)),
                inbox_prefix=inbox or f"_INBOX_{name.replace('-', '_')}",
                error_cb=on_error,
                allow_reconnect=False,
            )
            return User(client, complaints)

        yield as_user


@pytest.fixture
async def streams(connect):
    """The streams, made by the service that may."""
    jetstream = (await connect(nats_rights.STREAM_OWNER)).jetstream
    for name, (subjects, _) in STREAMS.items():
        await jetstream.add_stream(name=name, subjects=list(subjects))


def test_the_rights_know_all_streams():
    assert set(nats_rights.STREAMS) == set(STREAMS)


def test_every_event_has_one_service_that_may_publish_it():
    events = [event for service in SERVICE_NAMES for event in nats_rights.events_of(service)]
    assert len(events) == len(set(events))
    assert {"login.succeeded", "code.redeemed", "token.issued", "key.activated"} <= set(events)
    assert nats_rights.events_of("authorize-frontend") == []


@pytest.mark.parametrize("service", [name for name in SERVICE_NAMES if nats_rights.events_of(name)])
async def test_a_service_publishes_its_own_events(connect, streams, service):
    user = await connect(service)
    for event in nats_rights.events_of(service):
        assert (await user.jetstream.publish(f"latchkey.v1.{event}.07", b"{}")).seq
    assert user.is_content


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_service_cannot_publish_the_events_of_another(connect, service):
    others = [event for name in SERVICE_NAMES if name != service for event in nats_rights.events_of(name)]
    await (await connect(service)).publishes_in_vain(*(f"latchkey.v1.{event}.07" for event in others))


@pytest.mark.parametrize("name", ["subscriber", "cli", *SERVICE_NAMES])
async def test_no_service_publishes_events_outside_the_contract(connect, name):
    user = await connect(name)
    await user.publishes_in_vain("latchkey.v1.made.up.00", "latchkey.v2.login.succeeded.00", "_INBOX_token.x", "other")


@pytest.mark.parametrize("name", nats_server.READERS)
async def test_a_reader_cannot_publish_any_event(connect, name):
    events = [event for service in SERVICE_NAMES for event in nats_rights.events_of(service)]
    await (await connect(name)).publishes_in_vain(*(f"latchkey.v1.{event}.00" for event in events))


@pytest.mark.s(63)
async def test_hook_user_only_receives_requests_and_responds_once(connect, streams):
    token, hook = await connect("token"), await connect("hooks")

    async def reply(message):
        for _ in range(2):
            await message.respond(b"{}")

    await hook.client.subscribe(nats_rights.HOOK, queue="latchkey-hook", cb=reply)
    await hook.client.flush()
    async with asyncio.timeout(20):
        answer = None
        while answer is None:
            with contextlib.suppress(NoRespondersError):
                answer = await token.client.request(nats_rights.HOOK, b"{}", timeout=20)
    assert answer.data == b"{}"
    async with asyncio.timeout(20):
        assert "_inbox_token" in await hook._complaints.get()  # the second answer
    await hook.publishes_in_vain("latchkey.v1.token.revoked.00", nats_rights.HOOK, "_INBOX_token.x", "$JS.API.INFO")
    await hook.subscribes_in_vain("latchkey.v1.>", "_INBOX.>", ">")
    await (await connect("authentication")).publishes_in_vain(nats_rights.HOOK)


@pytest.mark.parametrize("name", nats_server.READERS)
async def test_a_reader_cannot_touch_a_stream(connect, streams, name):
    verbs = ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE")
    await (await connect(name)).publishes_in_vain(*(f"$JS.API.STREAM.{verb}.LATCHKEY_EVENTS" for verb in verbs))


@pytest.mark.parametrize("name", SERVICE_NAMES)
async def test_a_service_cannot_remove_a_stream_or_read_it(connect, streams, name):
    subjects = ("STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.GET", "CONSUMER.CREATE")
    await (await connect(name)).publishes_in_vain(*(f"$JS.API.{subject}.LATCHKEY_EVENTS" for subject in subjects))


@pytest.mark.s(63)
@pytest.mark.parametrize("name", [name for name in SERVICE_NAMES if name != nats_rights.STREAM_OWNER])
async def test_one_service_alone_changes_what_streams_take_in_and_keep(connect, streams, name):
    changes = [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE") for stream in STREAMS]
    await (await connect(name)).publishes_in_vain(*changes)


@pytest.mark.s(63)
async def test_the_service_that_browsers_talk_to_publishes_nothing_and_asks_nothing(connect, streams):
    verbs = ("INFO", "CREATE", "UPDATE")
    asked = [f"$JS.API.STREAM.{verb}.{stream}" for verb in verbs for stream in STREAMS]
    await (await connect("authorize-frontend")).publishes_in_vain(*asked, "$JS.API.INFO", "latchkey.v1.key.revoked.00")


async def test_a_service_reads_by_its_own_consumers_the_events_that_concern_it_and_no_more(connect, streams):
    await (await connect("authentication")).jetstream.publish("latchkey.v1.session.ended.03", b"{}")
    token = await connect("token")
    ours = ConsumerConfig(
        name="token-session-ended",
        durable_name="token-session-ended",
        filter_subject="latchkey.v1.session.ended.*",
        ack_policy=AckPolicy.EXPLICIT,
    )
    await token.jetstream.add_consumer("LATCHKEY_EVENTS", ours)
    pull = await token.jetstream.pull_subscribe_bind("token-session-ended", stream="LATCHKEY_EVENTS")
    (message,) = await pull.fetch(1, timeout=5)
    await message.ack_sync()
    assert token.is_content
    # The server holds the filter in the request to the one in the subject.
    answer = await token.client.request(
        f"$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS.token-session-ended.{ours.filter_subject}",
        json.dumps(
            {"stream_name": "LATCHKEY_EVENTS", "config": {**ours.as_dict(), "filter_subject": "latchkey.v1.login.>"}}
        ).encode(),
    )
    assert "error" in json.loads(answer.data)
    makes = "$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS"
    await token.publishes_in_vain(
        f"{makes}.token-session-ended",
        f"{makes}.token-session-ended.latchkey.v1.login.>",
        f"{makes}.other.latchkey.v1.session.ended.*",
        "$JS.API.CONSUMER.DURABLE.CREATE.LATCHKEY_EVENTS.token-session-ended",
        "$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.other",
    )
    await (await connect("device")).publishes_in_vain(
        f"{makes}.token-session-ended.latchkey.v1.session.ended.*",
        "$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.token-session-ended",
        "$JS.ACK.LATCHKEY_EVENTS.token-session-ended.1.1.1.1.1",
    )


@pytest.mark.s(63)
async def test_the_event_bridge_makes_its_consumer_and_reads_it_as_a_subscriber_only(connect, streams, home):
    own, reader = await connect("event-bridge"), await connect("event-bridge-reader", inbox="_INBOX_event_bridge")
    body = b"read by the bridge"
    await (await connect("authentication")).jetstream.publish("latchkey.v1.login.succeeded.03", body)
    made = ConsumerConfig(name="event-bridge", filter_subject="latchkey.v1.>", ack_policy=AckPolicy.NONE)
    await own.jetstream.add_consumer("LATCHKEY_EVENTS", made)
    through = reader.client.jetstream(prefix=API)
    pull = await through.pull_subscribe_bind("event-bridge", stream="LATCHKEY_EVENTS")
    assert body in [message.data for message in await pull.fetch(1_000, timeout=2)]
    assert own.is_content
    assert reader.is_content
    await own.publishes_in_vain(
        "$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.event-bridge",
        "$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS.other.latchkey.v1.>",
        "$JS.API.CONSUMER.DELETE.LATCHKEY_EVENTS.token-session-ended",
        "$JS.API.STREAM.MSG.GET.LATCHKEY_EVENTS",
    )
    await own.subscribes_in_vain("latchkey.v1.>")
    await reader.publishes_in_vain(
        "latchkey.v1.webhook.created.00",
        f"{API}.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.other",
        f"{API}.CONSUMER.CREATE.LATCHKEY_EVENTS.event-bridge",
    )
    await reader.subscribes_in_vain("latchkey.v1.>", "_INBOX.>")


@pytest.mark.parametrize("name", ["cli", *SERVICE_NAMES])
async def test_user_reads_only_its_own_inbox(connect, name):
    other = "_INBOX_token" if name != "token" else "_INBOX_device"
    await (await connect(name)).subscribes_in_vain("_INBOX.>", f"{other}.>", ">", "$JS.>")


async def test_service_reads_only_events_that_invalidate_its_caches(connect):
    token, frontend, device = [await connect(name) for name in ("token", "authorize-frontend", "device")]
    for subject in ("latchkey.v1.client.>", "latchkey.v1.key.>", "latchkey.v1.session.>"):
        await token.client.subscribe(subject)
    await frontend.client.subscribe("latchkey.v1.key.>")
    await token.subscribes_in_vain("latchkey.v1.login.>")
    await frontend.subscribes_in_vain("latchkey.v1.session.>")
    await device.subscribes_in_vain("latchkey.v1.key.>")


@pytest.mark.parametrize("inbox", ["_INBOX", "_INBOX_subscriber"])
async def test_a_stock_subscriber_reads_a_durable_consumer(connect, streams, inbox):
    body = inbox.encode()
    await (await connect("authentication")).jetstream.publish("latchkey.v1.login.succeeded.03", body)
    user = await connect("subscriber", inbox=inbox)
    pull = await user.jetstream.pull_subscribe("latchkey.v1.login.>", durable=f"demo{inbox}")
    bodies = []
    while body not in bodies:
        for message in await pull.fetch(10, timeout=5):
            await message.ack_sync()
            bodies.append(message.data)
    assert user.is_content


async def test_a_stock_subscriber_reads_by_push_and_live(connect, streams):
    user = await connect("subscriber", inbox="_INBOX")
    pushed = await user.jetstream.subscribe("latchkey.v1.consent.>", deliver_policy=DeliverPolicy.NEW)
    live = await user.client.subscribe("latchkey.v1.consent.>")
    await user.jetstream.consumer_info("LATCHKEY_EVENTS", (await pushed.consumer_info()).name)
    await (await connect("token")).jetstream.publish("latchkey.v1.consent.granted.01", b"fresh")
    assert (await live.next_msg(5)).data == b"fresh"
    assert (await pushed.next_msg(5)).data == b"fresh"
    assert user.is_content


async def test_a_user_made_later_is_known_without_touching_the_server(connect, home, tmp_path):
    keys = Keys.of(home)
    seed = accounts.new_seed("user", bytes(range(32)))
    jwt = accounts.user_jwt(
        "later",
        accounts.public_key(seed),
        account=accounts.public_key(keys.account),
        signer=keys.signing,
        rights=Rights(publish=(), subscribe=("latchkey.v1.login.>",)),
        now=NOW,
    )
    (tmp_path / "later.creds").write_text(accounts.creds(jwt, seed))
    user = await connect("later", creds=tmp_path / "later.creds")
    await user.client.subscribe("latchkey.v1.login.>")
    await user.publishes_in_vain("anything")


async def test_a_user_of_another_account_key_is_refused(connect, home, tmp_path):
    stranger, seed = (accounts.new_seed(kind, b"s" * 32) for kind in ("account", "user"))
    jwt = accounts.user_jwt(
        "stranger",
        accounts.public_key(seed),
        account=accounts.public_key(Keys.of(home).account),
        signer=stranger,
        rights=Rights(publish=(">",), subscribe=(">",)),
        now=NOW,
    )
    (tmp_path / "stranger.creds").write_text(accounts.creds(jwt, seed))
    with pytest.raises((NatsError, asyncio.TimeoutError)):
        await connect("stranger", creds=tmp_path / "stranger.creds")


async def test_nats_refuses_connections_without_credentials(connect, tmp_path):
    (tmp_path / "empty.creds").write_text(accounts.creds("", accounts.new_seed("user", b"n" * 32)))
    with pytest.raises((NatsError, asyncio.TimeoutError)):
        await connect("nobody", creds=tmp_path / "empty.creds")


def test_keys_stay_from_run_to_run_and_are_private(server, home):
    before = {path.name: path.read_text() for path in home.nats.glob("*.seed")}
    nats_server.prepare(home, port=1, now=NOW)
    assert {path.name: path.read_text() for path in home.nats.glob("*.seed")} == before
    assert {path.stat().st_mode & 0o777 for path in home.nats.iterdir() if path.is_file()} == {0o600}

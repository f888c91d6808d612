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
from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import Rights
from libs.servicekit.nats.bus import SHARES, STREAMS, Bus
from libs.servicekit.nats.mirrors import MIRRORS, READERS, SUBSCRIBERS
from libs.servicekit.nats.subscribers import SubscribersKey

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

    async def is_refused_publish(self, *subjects: str) -> None:
        for subject in subjects:
            await self.client.publish(subject, b"{}")
        await self._reported("publish", subjects)

    async def is_refused_subscribe(self, *subjects: str) -> None:
        for subject in subjects:
            await self.client.subscribe(subject)
        await self._reported("subscription", subjects)

    async def _reported(self, action: str, subjects: tuple[str, ...]) -> None:
        """Exactly one complaint for each, in order."""
        async with asyncio.timeout(5):
            errors = [await self._complaints.get() for _ in subjects]
        assert errors == [f'nats: permissions violation for {action} to "{subject.lower()}"' for subject in subjects]

    @property
    def has_no_errors(self) -> bool:
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


def stream_owner(server, home, mirror=None) -> Bus:
    """The owner of the streams in the services' account, or of an account with copies."""
    user = nats_server.stream_owner_user(mirror.account) if mirror else nats_rights.STREAM_OWNER
    creds = home.creds(user)
    settings = BusSettings(
        issuer="https://issuer.example",
        nats_url=server,
        nats_creds=creds,
        nats_stream_bytes=64 * 1024**2,
        **dict.fromkeys(("tls_ca", "tls_certificate", "tls_key"), creds),
    )
    return Bus(settings, service=nats_rights.STREAM_OWNER, keeps_streams=True, mirror=mirror)


@pytest.fixture
async def streams(server, home):
    """The streams of all accounts, made by the service that has the right."""
    stream_owners = [stream_owner(server, home, mirror) for mirror in (None, *MIRRORS)]
    running = [asyncio.create_task(each.run()) for each in stream_owners]
    for each in stream_owners:
        await each.until_ready()
    yield
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


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
    assert user.has_no_errors


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_service_cannot_publish_the_events_of_another(connect, service):
    others = [event for name in SERVICE_NAMES if name != service for event in nats_rights.events_of(name)]
    await (await connect(service)).is_refused_publish(*(f"latchkey.v1.{event}.07" for event in others))


@pytest.mark.parametrize("name", ["subscriber", "cli", *SERVICE_NAMES])
async def test_identity_cannot_publish_subjects_outside_the_contract(connect, name):
    user = await connect(name)
    await user.is_refused_publish("latchkey.v1.made.up.00", "latchkey.v2.login.succeeded.00", "_INBOX_token.x", "other")


@pytest.mark.parametrize("name", ["subscriber", "cli"])
async def test_a_reader_cannot_publish_any_event(connect, name):
    events = [event for service in SERVICE_NAMES for event in nats_rights.events_of(service)]
    await (await connect(name)).is_refused_publish(*(f"latchkey.v1.{event}.00" for event in events))


@pytest.mark.s(63)
async def test_a_hook_reported_its_questions_and_answers_them_once_and_does_nothing_else(connect, streams):
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
        assert 'publish to "_r_.' in await hook._complaints.get()  # the second answer, in the account of the hooks
    await hook.is_refused_publish("latchkey.v1.token.revoked.00", nats_rights.HOOK, "_INBOX_token.x", "$JS.API.INFO")
    await hook.is_refused_subscribe("latchkey.v1.>", "_INBOX.>", ">")
    await (await connect("authentication")).is_refused_publish(nats_rights.HOOK)


@pytest.mark.parametrize("name", ["subscriber", "cli"])
async def test_a_reader_cannot_touch_a_stream(connect, streams, name):
    verbs = ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE")
    await (await connect(name)).is_refused_publish(*(f"$JS.API.STREAM.{verb}.LATCHKEY_EVENTS" for verb in verbs))


@pytest.mark.parametrize("name", SERVICE_NAMES)
async def test_a_service_cannot_remove_a_stream_or_read_it(connect, streams, name):
    subjects = ("STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.GET", "CONSUMER.CREATE")
    await (await connect(name)).is_refused_publish(*(f"$JS.API.{subject}.LATCHKEY_EVENTS" for subject in subjects))


@pytest.mark.s(63)
@pytest.mark.parametrize("name", [name for name in SERVICE_NAMES if name != nats_rights.STREAM_OWNER])
async def test_one_service_alone_changes_what_streams_take_in_and_keep(connect, streams, name):
    changes = [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE") for stream in STREAMS]
    await (await connect(name)).is_refused_publish(*changes)


@pytest.mark.s(63)
async def test_the_service_that_browsers_talk_to_publishes_nothing_and_asks_nothing(connect, streams):
    verbs = ("INFO", "CREATE", "UPDATE")
    asked = [f"$JS.API.STREAM.{verb}.{stream}" for verb in verbs for stream in STREAMS]
    await (await connect("authorize-frontend")).is_refused_publish(*asked, "$JS.API.INFO", "latchkey.v1.key.revoked.00")


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
    assert token.has_no_errors
    # The server holds the filter in the request to the one in the subject.
    answer = await token.client.request(
        f"$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS.token-session-ended.{ours.filter_subject}",
        json.dumps(
            {"stream_name": "LATCHKEY_EVENTS", "config": {**ours.as_dict(), "filter_subject": "latchkey.v1.login.>"}}
        ).encode(),
    )
    assert "error" in json.loads(answer.data)
    makes = "$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS"
    await token.is_refused_publish(
        f"{makes}.token-session-ended",
        f"{makes}.token-session-ended.latchkey.v1.login.>",
        f"{makes}.other.latchkey.v1.session.ended.*",
        "$JS.API.CONSUMER.DURABLE.CREATE.LATCHKEY_EVENTS.token-session-ended",
        "$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.other",
    )
    await (await connect("device")).is_refused_publish(
        f"{makes}.token-session-ended.latchkey.v1.session.ended.*",
        "$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.token-session-ended",
        "$JS.ACK.LATCHKEY_EVENTS.token-session-ended.1.1.1.1.1",
    )


@pytest.mark.s(63)
async def test_event_bridge_reads_a_copy_by_a_consumer_of_its_own_name_only(connect, streams, home):
    reader = await connect("event-bridge-reader", inbox="_INBOX_event_bridge")
    body = b"read by the bridge"
    await (await connect("authentication")).jetstream.publish("latchkey.v1.login.succeeded.03", body)
    made = ConsumerConfig(name="event-bridge", filter_subject="latchkey.v1.>", ack_policy=AckPolicy.NONE)
    await reader.jetstream.add_consumer("LATCHKEY_EVENTS", made)
    pull = await reader.jetstream.pull_subscribe_bind("event-bridge", stream="LATCHKEY_EVENTS")
    bodies = []
    while body not in bodies:
        bodies += [message.data for message in await pull.fetch(1_000, timeout=2)]
    assert reader.has_no_errors
    await reader.is_refused_publish(
        "latchkey.v1.webhook.created.00",
        "$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.other",
        "$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS.other.latchkey.v1.>",
        "$JS.API.CONSUMER.CREATE.LATCHKEY_EVENTS",
        "$JS.API.CONSUMER.DELETE.LATCHKEY_EVENTS.other",
        "$JS.API.STREAM.MSG.GET.LATCHKEY_EVENTS",
    )
    await reader.is_refused_subscribe("latchkey.v1.>", "_INBOX.>")


CONSUMER = "crm-0badcafe"
IDENTITIES = (
    *SERVICE_NAMES,
    *(nats_server.stream_owner_user(mirror.account) for mirror in MIRRORS),
    *("event-bridge-reader", "cli", "subscriber", "hooks", CONSUMER),
)
"""All users that NATS knows, and one that `latchkey subscriber create` makes."""
TOKEN_CONSUMERS = ("token-session-ended", "token-account-disabled", "token-password-changed", "token-account-deleted")
CONSUMERS = (*TOKEN_CONSUMERS, "event-bridge", CONSUMER, "other")
PROBES = (
    *(f"latchkey.v1.{event}.00" for name in SERVICE_NAMES for event in nats_rights.events_of(name)),
    *("latchkey.redriven.crm-0badcafe", nats_rights.HOOK, "_INBOX_token.x", "LATCHKEY.MIRROR.readers.x", "$JS.FC.x"),
    *("$SYS.REQ.ACCOUNT.PING", "LATCHKEY.ORIGIN.API.CONSUMER.CREATE.LATCHKEY_EVENTS", "$JS.API.ACCOUNT.PURGE.x"),
    *(
        f"$JS.API.STREAM.{verb}.{stream}"
        for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "INFO", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE")
        for stream in STREAMS
    ),
    *(
        f"$JS.API.CONSUMER.{verb}.{stream}.{consumer}"
        for verb in ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE", "PAUSE", "UNPIN")
        for stream in STREAMS
        for consumer in CONSUMERS
    ),
    *(f"$JS.ACK.{stream}.{consumer}.1.1.1.1.1" for stream in STREAMS for consumer in CONSUMERS),
)


def is_own(identity: str, subject: str) -> bool:
    """Whether the identity may publish to the subject: written down here once more, and more strictly than the code."""
    kept = identity == nats_rights.STREAM_OWNER or identity.startswith(f"{nats_rights.STREAM_OWNER}-")
    own_event = subject in {
        f"latchkey.v1.{event}.00" for event in nats_rights.events_of(identity if identity in SERVICE_NAMES else "-")
    }
    looks_at_stream = subject.startswith("$JS.API.STREAM.INFO.") and bool(nats_rights.events_of(identity) or kept)
    keeps_stream = kept and subject.startswith(("$JS.API.STREAM.CREATE.", "$JS.API.STREAM.UPDATE."))
    if own_event or looks_at_stream or keeps_stream:
        return True
    words = subject.split(".")
    in_copies = any(stream in words for stream in ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS"))
    match identity:
        case "token":
            of_its_consumers = {
                subject
                for name in TOKEN_CONSUMERS
                for subject in (
                    f"$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.{name}",
                    f"$JS.ACK.LATCHKEY_EVENTS.{name}.1.1.1.1.1",
                )
            }
            allowed = subject == nats_rights.HOOK or subject in of_its_consumers
        case "event-bridge-reader":
            verbs = ("CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.DELETE")
            own = any(subject == f"$JS.API.{verb}.{stream}.event-bridge" for verb in verbs for stream in STREAMS)
            allowed = in_copies and (own or "STREAM.INFO" in subject)
        case "crm-0badcafe":
            verbs = ("$JS.API.CONSUMER.INFO", "$JS.API.CONSUMER.MSG.NEXT", "$JS.ACK")
            allowed = any(subject.startswith(f"{verb}.LATCHKEY_EVENTS.{CONSUMER}") for verb in verbs)
        case "cli" | "subscriber":
            reads = ("$JS.API.STREAM.INFO.", "$JS.API.STREAM.MSG.GET.", "$JS.FC.", "$JS.ACK.")
            manages = ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE")
            consumers = tuple(f"$JS.API.CONSUMER.{verb}." for verb in manages)
            hidden = identity == "subscriber" and "LATCHKEY_DLQ" in words and not subject.startswith("$JS.ACK.")
            allowed = subject.startswith((*reads, *consumers)) or (identity == "cli" and "redriven" in words)
            allowed = allowed and not hidden
        case _:
            allowed = False
    return allowed


@pytest.mark.s(63)
@pytest.mark.parametrize("identity", IDENTITIES)
async def test_identity_is_denied_every_consumer_stream_and_api_call_that_is_not_its_own(
    connect, streams, home, tmp_path, identity
):
    creds = None
    if identity == CONSUMER:
        key = SubscribersKey.read(nats_server.subscribers_key(home))
        creds = tmp_path / "crm.creds"
        creds.write_text(key.creds(CONSUMER, ["LATCHKEY_EVENTS"], randomness=b"c" * 32, now=NOW))
    inbox = {"event-bridge-reader": "event_bridge", CONSUMER: "crm_0badcafe"}.get(identity, identity.replace("-", "_"))
    if identity.startswith("key-rotation-"):
        inbox = "key_rotation"
    user = await connect(identity, inbox=f"_INBOX_{inbox}", creds=creds)
    await user.is_refused_publish(*(subject for subject in PROBES if not is_own(identity, subject)))


@pytest.mark.s(63)
@pytest.mark.parametrize("identity", ["cli", "subscriber", "event-bridge-reader", "hooks"])
async def test_readers_and_hooks_have_no_login_in_the_account_of_the_services(connect, streams, home, identity):
    """What they may do there, they do to consumers and streams of their own account: those of a service stay."""
    token = await connect("token")
    name = TOKEN_CONSUMERS[2]
    ours = ConsumerConfig(
        name=name,
        durable_name=name,
        filter_subject="latchkey.v1.password.changed.*",
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.NEW,
    )
    await token.jetstream.add_consumer("LATCHKEY_EVENTS", ours)
    pull = await token.jetstream.pull_subscribe_bind(name, stream="LATCHKEY_EVENTS")
    other = await connect(identity, inbox="_INBOX_event_bridge" if identity == "event-bridge-reader" else None)
    for subject in (f"$JS.API.CONSUMER.DELETE.LATCHKEY_EVENTS.{name}", f"$JS.ACK.LATCHKEY_EVENTS.{name}.1.1.1.1.0"):
        await other.client.publish(subject, b"+TERM")
    if identity in {"cli", "subscriber"}:
        with contextlib.suppress(NatsError):
            await other.jetstream.delete_consumer("LATCHKEY_EVENTS", name)
        with contextlib.suppress(NatsError):
            await other.client.request(f"$JS.API.CONSUMER.MSG.NEXT.LATCHKEY_EVENTS.{name}", b"100", timeout=0.2)
    await other.client.flush()
    body = identity.encode()
    await (await connect("authentication")).jetstream.publish("latchkey.v1.password.changed.03", body)
    bodies: list[bytes] = []
    while body not in bodies:
        (message,) = await pull.fetch(1, timeout=5)
        await message.ack_sync()
        bodies.append(message.data)


@pytest.mark.s(63)
async def test_reader_that_joins_the_queue_of_the_token_hook_gets_no_request(connect, streams):
    token, hook, reader = await connect("token"), await connect("hooks"), await connect("subscriber", inbox="_INBOX")
    await reader.is_refused_subscribe(nats_rights.HOOK)
    stolen = 0

    async def count(message):
        nonlocal stolen
        stolen += 1

    async def reply(message):
        await message.respond(b"{}")

    await reader.client.subscribe("_INBOX.>", cb=count)
    await hook.client.subscribe(nats_rights.HOOK, queue="latchkey-hook", cb=reply)
    await hook.client.flush()
    responses = 0
    async with asyncio.timeout(20):
        while responses < 40:
            with contextlib.suppress(NoRespondersError):  # until the server knows of the subscription
                assert (await token.client.request(nats_rights.HOOK, b"{}", timeout=5)).data == b"{}"
                responses += 1
    assert stolen == 0


@pytest.mark.parametrize("mirror", MIRRORS, ids=lambda mirror: mirror.account)
async def test_copies_have_every_event_in_order_and_a_limit(connect, streams, home, server, mirror):
    authentication = await connect("authentication")
    names = [f"{mirror.account} {number}".encode() for number in range(20)]
    for name in names:
        await authentication.jetstream.publish("latchkey.v1.login.failed.05", name)
    user = await connect("cli" if mirror is SUBSCRIBERS else "subscriber")
    pull = await user.jetstream.pull_subscribe("latchkey.v1.login.failed.*", stream="LATCHKEY_EVENTS")
    bodies: list[bytes] = []
    while names[-1] not in bodies:
        for message in await pull.fetch(100, timeout=5):
            await message.ack()
            bodies.append(message.data)
    assert [body for body in bodies if body in names] == names
    info = await user.jetstream.stream_info("LATCHKEY_EVENTS")
    assert 0 < info.config.max_bytes < 64 * 1024**2
    assert info.config.subjects == (["latchkey.redriven.*"] if mirror.redrives else None)


def test_streams_of_an_account_fit_its_storage():
    default = BusSettings.model_fields["nats_stream_bytes"].default
    assert sum(SHARES.values()) < 1
    for account, kept in {"latchkey": default, SUBSCRIBERS.account: default, READERS.account: default // 2}.items():
        assert kept <= nats_server.STORAGE_BYTES[account]


@pytest.mark.parametrize("name", ["cli", *SERVICE_NAMES])
async def test_a_user_reported_no_inbox_but_its_own(connect, name):
    other = "_INBOX_token" if name != "token" else "_INBOX_device"
    await (await connect(name)).is_refused_subscribe("_INBOX.>", f"{other}.>", ">", "$JS.>")


async def test_service_can_subscribe_to_the_events_of_its_caches_only(connect):
    token, frontend, device = [await connect(name) for name in ("token", "authorize-frontend", "device")]
    for subject in ("latchkey.v1.client.>", "latchkey.v1.key.>", "latchkey.v1.session.>"):
        await token.client.subscribe(subject)
    await frontend.client.subscribe("latchkey.v1.key.>")
    await token.is_refused_subscribe("latchkey.v1.login.>")
    await frontend.is_refused_subscribe("latchkey.v1.session.>")
    await device.is_refused_subscribe("latchkey.v1.key.>")


@pytest.mark.parametrize("inbox", ["_INBOX", "_INBOX_subscriber"])
async def test_a_stock_subscriber_reads_a_durable_consumer(connect, streams, inbox):
    body = inbox.encode()
    await (await connect("authentication")).jetstream.publish("latchkey.v1.login.succeeded.03", body)
    user = await connect("subscriber", inbox=inbox)
    pull = await user.jetstream.pull_subscribe("latchkey.v1.login.>", durable=f"demo{inbox}", stream="LATCHKEY_EVENTS")
    bodies = []
    while body not in bodies:
        for message in await pull.fetch(10, timeout=5):
            await message.ack_sync()
            bodies.append(message.data)
    assert user.has_no_errors


async def test_a_stock_subscriber_reads_by_push_and_live(connect, streams):
    user = await connect("subscriber", inbox="_INBOX")
    pushed = await user.jetstream.subscribe(
        "latchkey.v1.consent.>", stream="LATCHKEY_EVENTS", deliver_policy=DeliverPolicy.NEW
    )
    live = await user.client.subscribe("latchkey.v1.consent.>")
    await user.jetstream.consumer_info("LATCHKEY_EVENTS", (await pushed.consumer_info()).name)
    await (await connect("token")).jetstream.publish("latchkey.v1.consent.granted.01", b"fresh")
    assert (await live.next_msg(5)).data == b"fresh"
    assert (await pushed.next_msg(5)).data == b"fresh"
    assert user.has_no_errors


async def test_a_user_made_later_is_known_without_touching_the_server(connect, home, tmp_path):
    keys = Keys.of(home)
    seed = accounts.new_seed("user", bytes(range(32)))
    jwt = accounts.user_jwt(
        "later",
        accounts.public_key(seed),
        account=keys.services.public,
        signer=keys.services.signing,
        rights=Rights(publish=(), subscribe=("latchkey.v1.login.>",)),
        now=NOW,
    )
    (tmp_path / "later.creds").write_text(accounts.creds(jwt, seed))
    user = await connect("later", creds=tmp_path / "later.creds")
    await user.client.subscribe("latchkey.v1.login.>")
    await user.is_refused_publish("anything")


async def test_a_user_of_another_account_key_is_refused(connect, home, tmp_path):
    foreign_account, seed = (accounts.new_seed(kind, b"s" * 32) for kind in ("account", "user"))
    jwt = accounts.user_jwt(
        "foreign_account",
        accounts.public_key(seed),
        account=Keys.of(home).services.public,
        signer=foreign_account,
        rights=Rights(publish=(">",), subscribe=(">",)),
        now=NOW,
    )
    (tmp_path / "foreign.creds").write_text(accounts.creds(jwt, seed))
    with pytest.raises((NatsError, asyncio.TimeoutError)):
        await connect("foreign_account", creds=tmp_path / "foreign.creds")


async def test_connection_without_credentials_is_refused(connect, tmp_path):
    (tmp_path / "empty.creds").write_text(accounts.creds("", accounts.new_seed("user", b"n" * 32)))
    with pytest.raises((NatsError, asyncio.TimeoutError)):
        await connect("anonymous", creds=tmp_path / "empty.creds")


def test_keys_stay_from_run_to_run_and_are_private(server, home):
    before = {path.name: path.read_text() for path in home.nats.glob("*.seed")}
    nats_server.prepare(home, port=1, now=NOW)
    assert {path.name: path.read_text() for path in home.nats.glob("*.seed")} == before
    assert {path.stat().st_mode & 0o777 for path in home.nats.iterdir() if path.is_file()} == {0o600}

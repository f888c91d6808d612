"""Each identity is refused each right that is not its own, and reaches nothing of another account."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from deploy.provision import nats_rights, nats_server
from deploy.provision.topology import SERVICE_NAMES
from libs.servicekit.nats.bus import STREAMS
from libs.servicekit.nats.mirrors import MIRRORS
from libs.servicekit.nats.subscribers import SubscribersKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)


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

"""What each NATS user may do, asked of a real nats-server."""

import asyncio
import contextlib
import json

import pytest
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig

from deploy.provision import nats_rights
from deploy.provision.topology import SERVICE_NAMES
from libs.servicekit.nats.bus import STREAMS


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
async def test_hook_receives_requests_replies_once_and_has_no_other_right(connect, streams):
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


@pytest.mark.parametrize("name", ["cli", *SERVICE_NAMES])
async def test_user_can_subscribe_to_its_own_inbox_only(connect, name):
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

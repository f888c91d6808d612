import asyncio
from datetime import timedelta
from typing import Any

import nats
import pytest
from nats.js.api import StreamConfig

from libs.servicekit.nats import bus as bus_module
from libs.servicekit.nats.bus import DUPLICATE_WINDOW, STREAMS, Bus
from libs.servicekit.nats.publish_acks import Outgoing
from tests.storage.servicekit.conftest import BusFor
from tests.storage.servicekit.nats_server import NatsServer
from tests.storage.servicekit.world import until
from tests.support.log_lines import captured_log

SUBJECT = "latchkey.v1.login.succeeded.07"


@pytest.fixture
async def admin(nats_server: NatsServer) -> Any:
    """JetStream beside the bus."""
    client = await nats.connect(nats_server.url)
    yield client.jetstream()
    await client.close()


async def publish(bus: Bus, event_id: str, *, subject: str = SUBJECT) -> None:
    await bus.publish(Outgoing(subject, '{"number":1}', event_id, {"ce-id": event_id}))


async def test_streams_have_the_configured_subjects_and_limits(bus: Bus, admin: Any):
    for name, (subjects, kept) in STREAMS.items():
        config = (await admin.stream_info(name)).config
        assert tuple(config.subjects) == subjects
        assert timedelta(seconds=config.max_age) == kept
        assert timedelta(seconds=config.duplicate_window) == DUPLICATE_WINDOW
        assert (config.storage, config.retention, config.num_replicas) == ("file", "limits", 1)
        assert config.deny_delete
        assert config.deny_purge


async def test_missing_subjects_are_added_to_an_older_stream(bus_for: BusFor, admin: Any):
    older = StreamConfig(name="LATCHKEY_EVENTS", subjects=["latchkey.v1.login.>"], max_age=3600, description="ours")
    await admin.add_stream(older)
    bus = bus_for()
    await until(lambda: bus.ready)
    config = (await admin.stream_info("LATCHKEY_EVENTS")).config
    assert set(config.subjects) == set(STREAMS["LATCHKEY_EVENTS"][0])
    assert (config.max_age, config.description) == (3600, "ours")


async def test_subjects_of_a_newer_version_are_kept(bus_for: BusFor, admin: Any):
    newer = [*STREAMS["LATCHKEY_EVENTS"][0], "latchkey.v1.tenant.>"]
    await admin.add_stream(StreamConfig(name="LATCHKEY_EVENTS", subjects=newer))
    bus = bus_for()
    await until(lambda: bus.ready)
    assert (await admin.stream_info("LATCHKEY_EVENTS")).config.subjects == newer


async def test_adding_subjects_removes_none(bus_for: BusFor, admin: Any):
    other = ["latchkey.v1.tenant.>", *STREAMS["LATCHKEY_EVENTS"][0][1:]]
    await admin.add_stream(StreamConfig(name="LATCHKEY_EVENTS", subjects=other))
    bus = bus_for()
    await until(lambda: bus.ready)
    assert set((await admin.stream_info("LATCHKEY_EVENTS")).config.subjects) == {
        *other,
        STREAMS["LATCHKEY_EVENTS"][0][0],
    }


async def test_replicas_can_create_the_streams_concurrently(bus_for: BusFor):
    buses = [bus_for() for _ in range(5)]
    await until(lambda: all(bus.ready for bus in buses))


async def test_service_without_stream_rights_waits_until_streams_exist(bus_for: BusFor, admin: Any):
    waiting = bus_for(keeps_streams=False)
    await until(lambda: waiting._client.is_connected)
    assert await admin.streams_info() == []
    assert not waiting.ready
    stream_owner = bus_for()
    await until(lambda: stream_owner.ready and waiting.ready)


async def test_service_without_stream_rights_changes_no_stream(bus_for: BusFor, admin: Any):
    older = [*STREAMS["LATCHKEY_EVENTS"][0][1:]]
    for name, (subjects, _) in STREAMS.items():
        await admin.add_stream(StreamConfig(name=name, subjects=older if name == "LATCHKEY_EVENTS" else list(subjects)))
    bus = bus_for(keeps_streams=False)
    await until(lambda: bus.ready)
    assert (await admin.stream_info("LATCHKEY_EVENTS")).config.subjects == older


async def test_listening_service_is_ready_without_streams(bus_for: BusFor, admin: Any, nats_server: NatsServer):
    hearing = bus_for(publishes=False)
    await until(lambda: hearing.ready)
    assert await admin.streams_info() == []
    nats_server.stop()
    await until(lambda: not hearing.ready)
    await nats_server.start()
    await until(lambda: hearing.ready)


async def test_duplicate_event_id_is_dropped_by_the_stream(bus: Bus, nats_server: NatsServer):
    for event_id in ("one", "two", "one", "one"):
        await publish(bus, event_id)
    assert [message.headers["ce-id"] for message in await nats_server.messages()] == ["one", "two"]


async def test_publish_to_an_unknown_subject_raises_connection_error(bus: Bus):
    with pytest.raises(ConnectionError):
        await publish(bus, "one", subject="latchkey.v1.made.up.00")


async def test_publish_all_reports_the_failed_messages(bus: Bus, nats_server: NatsServer):
    unknown_subject = "latchkey.v1.made.up.00"
    batch = [
        Outgoing(unknown_subject if number % 10 == 3 else SUBJECT, "{}", f"e{number}", {"ce-id": f"e{number}"})
        for number in range(300)
    ]
    refused = await bus.publish_all(batch)
    assert set(refused) == {f"e{number}" for number in range(3, 300, 10)}
    assert set(refused.values()) == {"no stream (503)"}
    taken = [message.headers["ce-id"] for message in await nats_server.messages()]
    assert taken == [message.event_id for message in batch if message.event_id not in refused]
    assert await bus.publish_all([]) == {}


async def test_publish_all_reports_the_error_of_the_stream(bus: Bus, admin: Any):
    config = (await admin.stream_info("LATCHKEY_EVENTS")).config
    await admin.update_stream(config.evolve(max_msg_size=1_000))
    messages = [Outgoing(SUBJECT, body, event_id, {}) for event_id, body in (("small", "{}"), ("large", "x" * 2_000))]
    assert await bus.publish_all(messages) == {"large": "message size exceeds maximum allowed"}


async def test_publish_reports_messages_without_an_acknowledgement_when_nats_does_not_respond(
    bus: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bus_module, "ACK_SECONDS", 0.2)
    nats_server.pause()
    try:
        messages = [Outgoing(SUBJECT, "{}", event_id, {}) for event_id in ("one", "two")]
        assert await bus.publish_all(messages) == {"one": "no acknowledgement", "two": "no acknowledgement"}
    finally:
        nats_server.resume()
    monkeypatch.setattr(bus_module, "ACK_SECONDS", 5)
    assert await bus.publish_all(messages) == {}  # late acknowledgements of the first attempt have no effect
    assert len(await nats_server.messages()) == 2


async def test_bus_reports_an_outage_and_recovers(bus: Bus, nats_server: NatsServer):
    nats_server.stop()
    await until(lambda: not bus.ready)
    async with asyncio.timeout(1):
        with pytest.raises(ConnectionError):
            await publish(bus, "one")
    result = await bus.check()
    assert (result.ok, result.required) == (False, False)
    await nats_server.start()
    await until(lambda: bus.ready)
    await publish(bus, "two")
    assert (await bus.check()).ok
    assert [message.headers["ce-id"] for message in await nats_server.messages()] == ["two"]


async def test_streams_are_created_again_after_nats_lost_its_store(bus: Bus, nats_server: NatsServer):
    for _ in range(2):
        nats_server.stop()
        nats_server.forget()
        await until(lambda: not bus.ready)
        await nats_server.start()
        await until(lambda: bus.ready)
        await publish(bus, "one")
        assert len(await nats_server.messages()) == 1


async def test_nats_unavailable_at_start_is_logged_once_and_connected_later(bus_for: BusFor, nats_server: NatsServer):
    nats_server.stop()
    with captured_log() as log:
        bus = bus_for()
        await until(lambda: "Connect call failed" in log.text)
        assert not bus.ready
        await nats_server.start()
        await until(lambda: bus.ready)
    assert sum("Connect call failed" in record.get("cause", "") for record in log.records) == 1
    await publish(bus, "one")


async def test_listener_receives_events_after_a_nats_restart(bus_for: BusFor, nats_server: NatsServer):
    received: list[str] = []

    async def listener(subject: str) -> None:
        received.append(subject)
        if len(received) == 1:
            raise RuntimeError("a mistake of one listener")

    bus = bus_for(listening={"latchkey.v1.login.>": listener})
    await until(lambda: bus.ready)
    await publish(bus, "one")
    await publish(bus, "two", subject="latchkey.v1.session.ended.03")
    await publish(bus, "three")
    await until(lambda: len(received) == 2)
    nats_server.stop()
    await until(lambda: not bus.ready)
    await nats_server.start()
    await until(lambda: bus.ready)
    await publish(bus, "four")
    await until(lambda: len(received) == 3)
    assert set(received) == {SUBJECT}


async def test_follower_receives_the_envelopes(bus_for: BusFor):
    got: list[bytes] = []

    async def follower(envelope: bytes) -> None:
        got.append(envelope)

    bus = bus_for(following={"latchkey.v1.login.>": follower})
    await until(lambda: bus.ready)
    await publish(bus, "one")
    await until(lambda: got)
    assert got == [b'{"number":1}']

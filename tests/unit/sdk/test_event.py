import json
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.message import Message

from latchkey.events.v1 import events_pb2
from latchkey_sdk import Event
from latchkey_sdk.filters import covers, overlaps, streams_of, subject_of
from libs.servicekit.events.event import Actor, envelope
from libs.servicekit.events.event import Event as EmittedEvent
from tests.unit.sdk.bus import an_envelope


def the_event(data: Message) -> Event:
    emitted = EmittedEvent(
        data=data, subject="user-1", actor=Actor("user", "user-1"), outcome="failure", correlation_id="request-1"
    )
    time = datetime(2026, 3, 1, 12, 0, 0, 125_000, tzinfo=UTC)
    return Event.from_json(
        envelope(
            emitted, event_id="event-1", issuer="http://localhost:8080", time=time, sequence=7, traceparent="00-1-2-01"
        )
    )


def test_event_has_a_field_for_every_attribute() -> None:
    event = the_event(events_pb2.LoginFailed(user_id="user-1", reason=events_pb2.REASON_WRONG_CREDENTIALS))
    assert event == Event(
        id="event-1",
        source="http://localhost:8080",
        type="latchkey.login.failed.v1",
        time=datetime(2026, 3, 1, 12, 0, 0, 125_000, tzinfo=UTC),
        subject="user-1",
        subjectseq=7,
        producer="authentication",
        actortype="user",
        actorid="user-1",
        outcome="failure",
        reason="wrong_credentials",
        correlationid="request-1",
        traceparent="00-1-2-01",
        dataschema="http://localhost:8080/events/v1/login.failed",
        datacontenttype="application/json",
        data={"user_id": "user-1", "reason": "REASON_WRONG_CREDENTIALS"},
    )
    assert event.name == "login.failed"


def test_unknown_members_are_kept() -> None:
    event = Event.from_json(json.dumps(an_envelope(tenant="acme", data={"user_id": "user-1", "risk": 3})))
    assert event.extensions == {"tenant": "acme"}
    assert event.data == {"user_id": "user-1", "risk": 3}


def test_as_dict_returns_the_received_attributes() -> None:
    sent = an_envelope(tenant="acme", reason="expired", subjectseq=4)
    assert Event.from_json(json.dumps(sent)).as_dict() == sent


async def test_ack_and_nak_do_nothing_without_a_delivery() -> None:
    event = Event.from_json(json.dumps(an_envelope()))
    await event.ack()
    await event.nak()
    assert (event.sequence, event.deliveries) == (None, 1)


@pytest.mark.parametrize("payload", [
    b"",
    b"hello",
    b"[]",
    b'{"id": "1"}',
    json.dumps(an_envelope(time=12)),
    json.dumps(an_envelope(time="noon")),
    json.dumps(an_envelope(data="text")),
])  # fmt: skip
def test_malformed_event_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Event.from_json(payload)


def test_times_with_other_offsets_are_parsed() -> None:
    event = Event.from_json(json.dumps(an_envelope(time="2026-03-01T14:00:00+02:00")))
    assert event.time - datetime(2026, 3, 1, 12, tzinfo=UTC) == timedelta()


@pytest.mark.parametrize(("pattern", "subject"), [
    (">", "latchkey.v1.>"),
    ("login", "latchkey.v1.login.>"),
    ("login.>", "latchkey.v1.login.>"),
    ("login.succeeded", "latchkey.v1.login.succeeded.*"),
    ("login.succeeded.>", "latchkey.v1.login.succeeded.>"),
    ("*.revoked", "latchkey.v1.*.revoked.*"),
    ("login.succeeded.07", "latchkey.v1.login.succeeded.07"),
    ("latchkey.v1.token.reuse_detected.*", "latchkey.v1.token.reuse_detected.*"),
])  # fmt: skip
def test_subject_of_filter(pattern: str, subject: str) -> None:
    assert subject_of(pattern) == subject


@pytest.mark.parametrize(("pattern", "streams"), [
    ("login.>", ("LATCHKEY_EVENTS",)),
    ("token.revoked", ("LATCHKEY_EVENTS",)),
    ("later.>", ("LATCHKEY_EVENTS",)),
    ("token.issued", ("LATCHKEY_TOKENS",)),
    ("token.refreshed.03", ("LATCHKEY_TOKENS",)),
    ("token.>", ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")),
    ("*.issued", ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")),
    (">", ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")),
])  # fmt: skip
def test_streams_of_filter(pattern: str, streams: tuple[str, ...]) -> None:
    assert streams_of(subject_of(pattern)) == streams


@pytest.mark.parametrize(("one", "other", "overlap", "cover"), [
    ("a.b", "a.b", True, True),
    ("a.*", "a.b", True, True),
    ("a.b", "a.*", True, False),
    ("a.>", "a.*.c", True, True),
    ("a.>", "a", False, False),
    ("a.*", "a.>", True, False),
    ("a.b", "a.b.c", False, False),
    ("*.b", "a.*", True, False),
    ("a.b", "a.c", False, False),
])  # fmt: skip
def test_subjects_are_compared_as_in_nats(one: str, other: str, *, overlap: bool, cover: bool) -> None:
    assert overlaps(one, other) is overlaps(other, one) is overlap
    assert covers(one, other) is cover

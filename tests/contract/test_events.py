"""What subscribers see: CloudEvents of the contract, and golden files that say what they looked like yesterday."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import pytest
from google.protobuf.json_format import ParseDict

from deploy.provision.topology import SERVICE_NAMES
from latchkey.access.v1 import access_pb2
from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event, headers
from libs.servicekit.nats.bus import STREAMS
from tests.contract.contract import fields_with
from tests.contract.samples import EVENT_ID, GOLDEN, ISSUER, NOON, TRACEPARENT, envelope_of, events, golden_path

EVENTS = list(events())
every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
REQUIRED = {
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "producer",
    "subjectseq",
    "correlationid",
    "traceparent",
    "actortype",
    "actorid",
    "outcome",
    "data",
}


@every_event
def test_event_matches_its_golden_file(event: Event):
    """If the change is meant: `python -m tests.contract.samples`, and look at the difference."""
    assert golden_path(event).exists(), "a new event: python -m tests.contract.samples"
    assert envelope_of(event) == json.loads(golden_path(event).read_text(encoding="utf-8"))


def test_no_event_was_removed():
    assert {path.stem for path in GOLDEN.glob("*.json")} == {event.name for event in EVENTS}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_events_are_parsed_by_current_code(path):
    published = json.loads(path.read_text(encoding="utf-8"))
    event = next(event for event in EVENTS if f"latchkey.{event.name}.v1" == published["type"])
    read = ParseDict(published["data"], type(event.data)())
    assert read == event.data


@every_event
def test_event_is_a_cloud_event_with_all_attributes(event: Event):
    body = envelope_of(event)
    has_reason = "reason" in event.data.DESCRIPTOR.fields_by_name
    assert set(body) == REQUIRED | ({"reason"} if has_reason else set())
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in body)
    assert body["specversion"] == "1.0"
    assert body["id"] == EVENT_ID
    assert body["source"] == ISSUER
    assert body["type"] == f"latchkey.{event.name}.v1"
    assert datetime.fromisoformat(body["time"]) == NOON
    assert body["time"].endswith("Z")
    assert urlsplit(body["dataschema"]).scheme == "https"
    assert body["subjectseq"] == 7
    assert body["traceparent"] == TRACEPARENT
    assert body["outcome"] in {"success", "failure"}
    assert all(value not in (None, "") for value in body.values())


@every_event
def test_event_data_use_the_field_names_of_the_contract(event: Event):
    assert set(envelope_of(event)["data"]) == {field.name for field in event.data.DESCRIPTOR.fields}


@every_event
def test_event_reason_is_a_value_of_the_enum(event: Event):
    body = envelope_of(event)
    if "reason" in body:
        words = {name.removeprefix("REASON_").lower() for name in events_pb2.Reason.keys()}  # noqa: SIM118 - a wrapper
        assert body["reason"] in words - {"unspecified"}
        assert body["data"]["reason"] == f"REASON_{body['reason'].upper()}"


@every_event
def test_event_headers_contain_id_type_and_traceparent(event: Event):
    body = json.dumps(envelope_of(event))
    assert headers(body) == {"ce-id": EVENT_ID, "ce-type": f"latchkey.{event.name}.v1", "traceparent": TRACEPARENT}


def test_event_outside_of_a_request_has_no_traceparent():
    event = {name: value for name, value in envelope_of(EVENTS[0]).items() if name != "traceparent"}
    assert set(headers(json.dumps(event))) == {"ce-id", "ce-type"}


@every_event
def test_every_event_has_one_stream_one_producer_and_a_kind_of_subject(event: Event):
    taken_in = [
        name
        for name, (subjects, _) in STREAMS.items()
        if any(fnmatchcase(event.nats_subject, subject.replace(">", "*")) for subject in subjects)
    ]
    option = event.data.DESCRIPTOR.GetOptions().Extensions[events_pb2.event]
    assert len(taken_in) == 1
    assert option.producer in SERVICE_NAMES
    assert option.subject != events_pb2.SUBJECT_KIND_UNSPECIFIED
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", event.name)


def test_names_of_events_are_unique():
    assert len({event.name for event in EVENTS}) == len(EVENTS)


@pytest.mark.s(60)
@every_event
def test_event_has_no_field_for_secrets_or_personal_data(event: Event):
    never = re.compile(
        r"password|secret|e_?mail|phone|user_agent|username|address|ip$|assertion|(?<!client_)name$|code$|^token$"
    )
    assert not [field.name for field in event.data.DESCRIPTOR.fields if never.search(field.name)]
    assert not [field for field in fields_with(access_pb2.sensitive) if field.containing_type == event.data.DESCRIPTOR]


@every_event
def test_unknown_attributes_are_omitted(event: Event):
    bare = envelope_of(Event(type(event.data)(), "subject-1", Actor("system")))
    assert not {"actorid", "correlationid", "reason"} & set(bare)
    assert bare["data"] == {}
    assert bare["actortype"] == "system"


def test_events_of_one_subject_share_a_shard():
    shards = {subject: replace(EVENTS[0], subject=subject).shard for subject in map(str, range(2_000))}
    assert set(shards.values()) == set(range(16))
    for event in EVENTS:
        assert replace(event, subject="42").shard == shards["42"]
        assert event.nats_subject == f"latchkey.v1.{event.name}.{event.shard:02d}"


def test_stream_subjects_do_not_overlap():
    subjects = [subject for taken_in, _ in STREAMS.values() for subject in taken_in]
    assert len(set(subjects)) == len(subjects)
    assert STREAMS["LATCHKEY_EVENTS"][1] == timedelta(days=30)
    assert STREAMS["LATCHKEY_TOKENS"][1] == timedelta(hours=72)

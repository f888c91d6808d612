"""The events for tools: a document that is whole, and fits what is really published."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from docs.generate import asyncapi
from libs.servicekit.events.event import Event
from tests.contract.samples import envelope_of, events

DOCUMENT: dict[str, Any] = json.loads(asyncapi.page())
EVENTS = list(events())


def validator(name: str) -> jsonschema.Draft202012Validator:
    """Of the payload of an event; what it refers to is found in the whole document."""
    payload = DOCUMENT["components"]["messages"][name]["payload"]
    return jsonschema.Draft202012Validator({"components": DOCUMENT["components"], **payload})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        place = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_fits_its_schema_and_no_other(event: Event) -> None:
    validator(event.name).validate(envelope_of(event))
    other = next(each for each in EVENTS if each.name != event.name)
    assert not validator(other.name).is_valid(envelope_of(event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_has_its_channel(event: Event) -> None:
    address = DOCUMENT["channels"][event.name]["address"]
    assert re.sub(r"\{shard\}", f"{event.shard:02d}", address) == event.nats_subject
    assert f"{event.shard:02d}" in DOCUMENT["channels"][event.name]["parameters"]["shard"]["enum"]


@pytest.mark.parametrize("spoil", [
    {"specversion": "2.0"},
    {"id": None},
    {"subjectseq": 0},
    {"actortype": "robot"},
    {"outcome": "maybe"},
    {"reason": "because"},
    {"data": {"amr": "pwd"}},
    {"data": {"user_id": 7}},
])  # fmt: skip
def test_what_is_never_published_does_not_fit(spoil: dict[str, Any]) -> None:
    event = next(event for event in EVENTS if event.name == "login.succeeded")
    assert not validator(event.name).is_valid({**envelope_of(event), **spoil})


def test_every_attribute_and_every_field_is_explained() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for member, about in schema["properties"].items():
            assert about["description"], (name, member)

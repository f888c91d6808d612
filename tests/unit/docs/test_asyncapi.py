"""The events for tools: a document that is whole, and fits what is really published."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from docs.generate import asyncapi
from libs.servicekit.events.event import Fact
from tests.contract.samples import envelope_of, facts

DOCUMENT: dict[str, Any] = json.loads(asyncapi.page())
FACTS = list(facts())


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


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_every_event_fits_its_schema_and_no_other(fact: Fact) -> None:
    validator(fact.name).validate(envelope_of(fact))
    other = next(each for each in FACTS if each.name != fact.name)
    assert not validator(other.name).is_valid(envelope_of(fact))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_every_event_has_its_channel(fact: Fact) -> None:
    address = DOCUMENT["channels"][fact.name]["address"]
    assert re.sub(r"\{shard\}", f"{fact.shard:02d}", address) == fact.nats_subject
    assert f"{fact.shard:02d}" in DOCUMENT["channels"][fact.name]["parameters"]["shard"]["enum"]


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
    fact = next(fact for fact in FACTS if fact.name == "login.succeeded")
    assert not validator(fact.name).is_valid({**envelope_of(fact), **spoil})


def test_every_attribute_and_every_field_is_explained() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for member, about in schema["properties"].items():
            assert about["description"], (name, member)

"""Typed events: one class for each event type, which parses published events."""

import importlib
import json
from typing import Any

import pytest

from latchkey_sdk import Event
from latchkey_sdk.event_data import EventData
from latchkey_sdk.event_types import EVENT_TYPES, LoginSucceeded, Reason, SessionEnded, TokenTelemetryGap
from libs.servicekit.events.event import Event as EmittedEvent
from tests.contract.samples import envelope_of, events
from tests.unit.sdk.bus import an_envelope

ALL = list(events())


def test_every_event_has_a_class() -> None:
    assert set(EVENT_TYPES) == {emitted.name for emitted in ALL}


@pytest.mark.parametrize("emitted", ALL, ids=lambda emitted: emitted.name)
def test_every_member_of_the_data_has_a_field(emitted: EmittedEvent) -> None:
    event = Event.from_json(json.dumps(envelope_of(emitted)))
    read = event.typed
    assert type(read).__name__ == type(emitted.data).__name__
    for name, value in event.data.items():
        typed = getattr(read, name)
        assert typed == (tuple(value) if isinstance(value, list) else type(typed)(value))


def an_event(name: str, **data: Any) -> Event:
    return Event.from_json(json.dumps(an_envelope(name, data=data)))


def test_events_can_be_matched_by_class() -> None:
    match an_event("session.ended", user_id="u", session_id="s", reason="REASON_EXPIRED").typed:
        case SessionEnded(session_id=ended, reason=Reason.EXPIRED):
            assert ended == "s"
        case other:
            pytest.fail(f"{other}")


def test_missing_members_are_empty_and_unknown_members_are_ignored() -> None:
    assert an_event("login.succeeded", risk=3).typed == LoginSucceeded()
    assert an_event("token.telemetry_gap", dropped="120").typed == TokenTelemetryGap(dropped=120)
    reason = an_event("session.ended", reason="REASON_UNKNOWN_HERE").typed
    assert reason == SessionEnded(reason="REASON_UNKNOWN_HERE")


def test_typed_is_none_for_an_unknown_event_type() -> None:
    assert an_event("login.unknown", user_id="u").typed is None


@pytest.mark.parametrize(("name", "data"), [
    ("login.succeeded", {"user_id": 7}),
    ("login.succeeded", {"amr": "pwd"}),
    ("login.succeeded", {"amr": [1]}),
    ("token.telemetry_gap", {"dropped": "many"}),
    ("token.telemetry_gap", {"dropped": True}),
])  # fmt: skip
def test_members_with_a_wrong_type_are_refused(name: str, data: dict[str, Any]) -> None:
    event = an_event(name, **data)
    with pytest.raises(ValueError, match=r"\w"):
        _ = event.typed


def test_deprecated_names_are_aliases() -> None:
    with pytest.warns(DeprecationWarning, match="latchkey_sdk.event_types"):
        module = importlib.import_module("latchkey_sdk.facts")
    assert module.FACTS is EVENT_TYPES
    assert module.Fact is EventData
    assert module.LoginSucceeded is LoginSucceeded
    event = an_event("login.succeeded", user_id="u")
    with pytest.warns(DeprecationWarning, match="Event.typed"):
        assert event.fact == event.typed == LoginSucceeded(user_id="u")

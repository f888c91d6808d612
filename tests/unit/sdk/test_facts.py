"""Typed events: one class for each event of the contract, that reads what is really published."""

import json
from typing import Any

import pytest

from latchkey_sdk import Event
from latchkey_sdk.facts import FACTS, LoginSucceeded, Reason, SessionEnded, TokenTelemetryGap
from libs.servicekit.events.event import Event as EmittedEvent
from tests.contract.samples import envelope_of, events
from tests.unit.sdk.bus import an_envelope

ALL = list(events())


def test_there_is_a_class_for_each_event() -> None:
    assert set(FACTS) == {emitted.name for emitted in ALL}


@pytest.mark.parametrize("emitted", ALL, ids=lambda emitted: emitted.name)
def test_everything_that_an_event_says_has_its_field(emitted: EmittedEvent) -> None:
    event = Event.from_json(json.dumps(envelope_of(emitted)))
    read = event.fact
    assert type(read).__name__ == type(emitted.data).__name__
    for name, value in event.data.items():
        typed = getattr(read, name)
        assert typed == (tuple(value) if isinstance(value, list) else type(typed)(value))


def an_event(name: str, **data: Any) -> Event:
    return Event.from_json(json.dumps(an_envelope(name, data=data)))


def test_events_can_be_told_apart_by_their_class() -> None:
    match an_event("session.ended", user_id="u", session_id="s", reason="REASON_EXPIRED").fact:
        case SessionEnded(session_id=ended, reason=Reason.EXPIRED):
            assert ended == "s"
        case other:
            pytest.fail(f"{other}")


def test_what_is_left_out_is_empty_and_what_is_new_is_passed_over() -> None:
    assert an_event("login.succeeded", risk=3).fact == LoginSucceeded()
    assert an_event("token.telemetry_gap", dropped="120").fact == TokenTelemetryGap(dropped=120)
    reason = an_event("session.ended", reason="REASON_OF_TOMORROW").fact
    assert reason == SessionEnded(reason="REASON_OF_TOMORROW")


def test_a_kind_of_tomorrow_has_no_class() -> None:
    assert an_event("login.dreamt", user_id="u").fact is None


@pytest.mark.parametrize(("name", "data"), [
    ("login.succeeded", {"user_id": 7}),
    ("login.succeeded", {"amr": "pwd"}),
    ("login.succeeded", {"amr": [1]}),
    ("token.telemetry_gap", {"dropped": "many"}),
    ("token.telemetry_gap", {"dropped": True}),
])  # fmt: skip
def test_what_is_not_of_the_contract_is_refused(name: str, data: dict[str, Any]) -> None:
    event = an_event(name, **data)
    with pytest.raises(ValueError, match=r"\w"):
        _ = event.fact

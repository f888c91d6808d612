"""Validation of NATS messages before they become rows, HTTP headers and server-sent events."""

import json
from typing import Any

import pytest

from services.event_bridge.adapters.feed import _events_of
from services.event_bridge.adapters.stream_reader import StreamMessage

SUBJECT = "latchkey.v1.login.succeeded.03"


def a_message(**changes: Any) -> StreamMessage:
    envelope: dict[str, Any] = {
        "id": "019ca8f1-4400-7000-8000-000000000001",
        "type": "latchkey.login.succeeded.v1",
        "subject": "u",
    }
    envelope |= {"subjectseq": 1, "data": {"text": "a\nb"}} | changes
    return StreamMessage(sequence=1, subject=SUBJECT, body=json.dumps(envelope, indent=1).encode())


def test_event_body_is_stored_without_line_breaks():
    (event,) = _events_of([a_message()])
    assert (event.name, event.subject, event.ordered) == ("login.succeeded", "u", True)
    assert "\n" not in event.body
    assert json.loads(event.body)["data"] == {"text": "a\nb"}


def test_event_without_subjectseq_is_unordered():
    (event,) = _events_of(
        [
            StreamMessage(
                1,
                SUBJECT,
                json.dumps({"id": "1", "type": "latchkey.login.succeeded.v1", "subject": "u", "data": {}}).encode(),
            )
        ]
    )
    assert not event.ordered


@pytest.mark.s(63)
@pytest.mark.parametrize(
    "changes",
    [
        {"id": "1\nevent: forged"},
        {"id": "1\r\nwebhook-signature: v1,x"},
        {"id": "x" * 81},
        {"id": ""},
        {"type": "latchkey.token.revoked.v1"},
        {"subject": "s" * 256},
        {"data": []},
    ],
)
def test_malformed_event_is_skipped(changes):
    assert list(_events_of([a_message(**changes)])) == []

"""What of a stream is an event, before it becomes a row, a header and a line of a stream for browsers."""

import json
from typing import Any

import pytest

from services.event_bridge.adapters.feed import _events
from services.event_bridge.adapters.stream_reader import Read

SUBJECT = "latchkey.v1.login.succeeded.03"


def a_read(**changes: Any) -> Read:
    told: dict[str, Any] = {
        "id": "019ca8f1-4400-7000-8000-000000000001",
        "type": "latchkey.login.succeeded.v1",
        "subject": "u",
    }
    told |= {"subjectseq": 1, "data": {"text": "a\nb"}} | changes
    return Read(sequence=1, subject=SUBJECT, body=json.dumps(told, indent=1).encode())


def test_a_event_is_kept_on_one_line_whatever_was_in_it():
    (event,) = _events([a_read()])
    assert (event.name, event.subject, event.ordered) == ("login.succeeded", "u", True)
    assert "\n" not in event.body
    assert json.loads(event.body)["data"] == {"text": "a\nb"}


def test_what_has_no_sequence_is_telemetry():
    (event,) = _events(
        [
            Read(
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
def test_what_is_no_event_of_its_subject_is_left_out(changes):
    assert list(_events([a_read(**changes)])) == []

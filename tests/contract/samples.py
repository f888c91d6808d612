"""One event of every kind, the same every time. `python -m tests.contract.samples` writes the golden files from them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event, envelope
from tests.contract.contract import filled

GOLDEN = Path(__file__).with_name("golden")
ISSUER = "https://id.example"
NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
EVENT_ID = "019ca8f1-4400-7000-8000-000000000001"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def events() -> Iterator[Event]:
    """Of every message in the contract that is an event, with every field set."""
    for descriptor in events_pb2.DESCRIPTOR.message_types_by_name.values():
        if descriptor.GetOptions().HasExtension(events_pb2.event):
            data = filled(GetMessageClass(descriptor)(), "")
            for field in descriptor.fields:
                _name(data, field)
            yield Event(data, "subject-1", Actor("user", "subject-1"), correlation_id="request-1")


def _name(data: Any, field: Any) -> None:
    """A text says which field it is in."""
    if field.cpp_type != field.CPPTYPE_STRING:
        return
    if field.is_repeated:
        getattr(data, field.name)[:] = [f"{field.name}-1", f"{field.name}-2"]
    else:
        setattr(data, field.name, f"{field.name}-1")


def envelope_of(event: Event) -> dict[str, Any]:
    """As subscribers see it."""
    body = envelope(event, event_id=EVENT_ID, issuer=ISSUER, time=NOON, sequence=7, traceparent=TRACEPARENT)
    read: dict[str, Any] = json.loads(body)
    return read


def golden_path(event: Event) -> Path:
    return GOLDEN / f"{event.name}.json"


def main() -> None:
    for event in events():
        golden_path(event).write_text(json.dumps(envelope_of(event), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

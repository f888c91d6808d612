"""Facts: what happened, as a value frozen at the moment it became true, in the envelope that subscribers see."""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from latchkey.events.v1 import events_pb2

SHARDS = 16
_REASON_PREFIX = "REASON_"


@dataclass(frozen=True)
class Actor:
    """Who did it."""

    kind: Literal["user", "client", "admin", "system"]
    id: str = ""


@dataclass(frozen=True)
class Event:
    """One message of protos/latchkey/events/v1 and what the envelope says about it.

    Args:
        data: a message that has the `event` option.
        subject: opaque stable id of whom it is about; never an e-mail address or a name.
        correlation_id: joins all events of one authorization request.
    """

    data: Message
    subject: str
    actor: Actor
    outcome: Literal["success", "failure"] = "success"
    correlation_id: str = ""

    @property
    def name(self) -> str:
        """For example "login.succeeded"."""
        return _event(self.data.DESCRIPTOR)[0]

    @property
    def shard(self) -> int:
        """0 to 15: events about one subject share a shard, so that a consumer group keeps their order."""
        return zlib.crc32(self.subject.encode()) % SHARDS

    @property
    def nats_subject(self) -> str:
        return f"latchkey.v1.{self.name}.{self.shard:02d}"


@cache
def _event(descriptor: Descriptor) -> tuple[str, str]:
    """Name and producer, as the `event` option of a message says. Asked for each event, and dear to read."""
    option = descriptor.GetOptions().Extensions[events_pb2.event]
    return str(option.name), str(option.producer)


def headers(body: str) -> dict[str, str]:
    """NATS headers of an envelope: what a router needs, repeated; the body alone is the truth."""
    attributes = json.loads(body)
    repeated = {"ce-id": "id", "ce-type": "type", "traceparent": "traceparent"}
    return {header: attributes[name] for header, name in repeated.items() if name in attributes}


def envelope(
    event: Event, *, event_id: str, issuer: str, time: datetime, sequence: int | None, traceparent: str
) -> str:
    """CloudEvents 1.0 structured JSON of an event (the NATS payload; the headers only repeat parts of it)."""
    data = MessageToDict(event.data, preserving_proto_field_name=True)
    reason = data.get("reason")
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": issuer,
        "type": f"latchkey.{event.name}.v1",
        "subject": event.subject,
        "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{issuer}/events/v1/{event.name}",
        "producer": _event(event.data.DESCRIPTOR)[1],
        "subjectseq": sequence,
        "correlationid": event.correlation_id or None,
        "traceparent": traceparent or None,
        "actortype": event.actor.kind,
        "actorid": event.actor.id or None,
        "outcome": event.outcome,
        "reason": str(reason).removeprefix(_REASON_PREFIX).lower() if reason else None,
        "data": data,
    }
    return json.dumps({name: value for name, value in attributes.items() if value is not None}, separators=(",", ":"))

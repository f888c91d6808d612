"""Events and their envelope: what a service publishes about a state change."""

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
    """The user, client, operator or service that caused the event."""

    kind: Literal["user", "client", "admin", "system"]
    id: str = ""


@dataclass(frozen=True)
class Event:
    """One message of protos/latchkey/events/v1 and the attributes of its envelope.

    Args:
        data: a message that has the `event` option.
        subject: opaque stable id of the user, client or object that the event is about; never an email address or a
            name.
        correlation_id: the same for all events of one authorization request.
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
        """0 to 15. Events about one subject have the same shard, so that a group of consumers can keep their order."""
        return zlib.crc32(self.subject.encode()) % SHARDS

    @property
    def nats_subject(self) -> str:
        return f"latchkey.v1.{self.name}.{self.shard:02d}"


@cache
def _event(descriptor: Descriptor) -> tuple[str, str]:
    """Return name and producer from the `event` option. Cached: reading descriptor options is slow."""
    option = descriptor.GetOptions().Extensions[events_pb2.event]
    return str(option.name), str(option.producer)


def headers(body: str) -> dict[str, str]:
    """Return the NATS headers of an envelope: copies of the attributes that routers need. The body is authoritative."""
    attributes = json.loads(body)
    repeated = {"ce-id": "id", "ce-type": "type", "traceparent": "traceparent"}
    return {header: attributes[name] for header, name in repeated.items() if name in attributes}


def envelope(
    event: Event, *, event_id: str, issuer: str, time: datetime, sequence: int | None, traceparent: str
) -> str:
    """Return the event as CloudEvents 1.0 structured JSON: the payload of the NATS message."""
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

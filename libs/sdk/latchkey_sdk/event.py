"""An event: CloudEvents 1.0 attributes, data, and acknowledgement."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from latchkey_sdk.delivery import Delivery
from latchkey_sdk.event_data import EventData
from latchkey_sdk.event_types import EVENT_TYPES


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event. An event may be delivered more than once: store `id`, which is unique, to handle it only once.

    The subscription acknowledges an event when the loop requests the next one, and redelivers it when the loop body
    fails. `ack` and `nak` do the same earlier.
    """

    specversion: str = "1.0"
    id: str
    source: str
    """The issuer."""
    type: str
    """For example "latchkey.login.succeeded.v1"."""
    time: datetime
    """Time of the event, with time zone."""
    subject: str = ""
    """Id of the user, client or key that the event is about."""
    subjectseq: int | None = None
    """Increases with every event about the same subject; None for events without order (token.issued)."""
    producer: str = ""
    actortype: str = ""
    """Kind of the actor: "user", "client", "admin" or "system"."""
    actorid: str = ""
    outcome: str = ""
    """"success" or "failure"."""
    reason: str | None = None
    correlationid: str | None = None
    """The same for all events of one authorization request."""
    causationid: str | None = None
    traceparent: str | None = None
    dataschema: str | None = None
    datacontenttype: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """The fields of the message in protos/latchkey/events/v1."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """Attributes that this version of the SDK does not know."""
    delivery: Delivery | None = field(default=None, repr=False, compare=False)
    """None if the event does not come from a subscription."""

    @classmethod
    def from_json(cls, payload: bytes | str, *, delivery: Delivery | None = None) -> Self:
        """Parse CloudEvents structured JSON. Unknown attributes are kept in `extensions`.

        Raises:
            ValueError: it is not a CloudEvent.
        """
        attributes = json.loads(payload)
        match attributes:
            case {"id": str(), "source": str(), "type": str(), "time": str(time)}:
                known = {name: attributes.pop(name) for name in _IN_ORDER if name in attributes}
                known["time"] = datetime.fromisoformat(time)
                return cls(**known, data=dict(attributes.pop("data", {})), extensions=attributes, delivery=delivery)
        raise ValueError("not a CloudEvent: id, source, type and time are required")

    def as_dict(self) -> dict[str, Any]:
        """Return the event as CloudEvents JSON members, including unknown ones."""
        known = {name: getattr(self, name) for name in _IN_ORDER}
        known["time"] = self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        present = {name: value for name, value in known.items() if value not in (None, "")}
        return {**present, **self.extensions, "data": dict(self.data)}

    @property
    def name(self) -> str:
        """The type without prefix and version, for example "login.succeeded"."""
        return self.type.removeprefix("latchkey.").rpartition(".v")[0] or self.type

    @property
    def typed(self) -> EventData | None:
        """The data as a class of `latchkey_sdk.event_types`; None for an event that this version does not know.

        Raises:
            ValueError: a member of the data has a wrong type.
        """
        known = EVENT_TYPES.get(self.name)
        return known.read(self.data) if known else None

    @property
    def fact(self) -> EventData | None:
        """Deprecated: use `typed`."""
        warnings.warn("Event.fact is deprecated: use Event.typed", DeprecationWarning, stacklevel=2)
        return self.typed

    @property
    def sequence(self) -> int | None:
        """Position in the stream, for `since=`."""
        return self.delivery.sequence if self.delivery else None

    @property
    def deliveries(self) -> int:
        """Number of deliveries of this event, including this one."""
        return self.delivery.attempt if self.delivery else 1

    async def ack(self) -> None:
        """Acknowledge the event: it is not delivered again. Returns when the server has confirmed it.

        Raises:
            BusUnreachable: the connection is closed; the event will be delivered again.
        """
        if self.delivery:
            await self.delivery.ack()

    async def nak(self, *, delay: float | None = None) -> None:
        """Request redelivery after `delay` seconds; default: 1, 2, 4, ... at most 60 seconds."""
        if self.delivery:
            await self.delivery.nak(delay)


_IN_ORDER = tuple(each.name for each in fields(Event) if each.name not in {"data", "extensions", "delivery"})

"""An event as a subscriber sees it: CloudEvents 1.0 attributes, the data, and its acknowledgement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from latchkey_sdk.delivery import Delivery
from latchkey_sdk.fact import Fact
from latchkey_sdk.facts import FACTS


@dataclass(frozen=True, kw_only=True)
class Event:
    """One fact. `id` is unique for all time: remember it to handle an event once only, because it may come again.

    The delivery is settled by the subscription: acknowledged when the next event is asked for, offered again when the
    loop body fails. `ack` and `nak` say so earlier.
    """

    specversion: str = "1.0"
    id: str
    source: str
    """The issuer."""
    type: str
    """For example "latchkey.login.succeeded.v1"."""
    time: datetime
    """When it became true, with time zone."""
    subject: str = ""
    """Opaque id of the user, client or key that it is about."""
    subjectseq: int | None = None
    """Rises with every event about the same subject; None where no order is promised (token.issued)."""
    producer: str = ""
    actortype: str = ""
    """Who did it: "user", "client", "admin" or "system"."""
    actorid: str = ""
    outcome: str = ""
    """"success" or "failure"."""
    reason: str | None = None
    correlationid: str | None = None
    """Joins all events of one authorization request."""
    causationid: str | None = None
    traceparent: str | None = None
    dataschema: str | None = None
    datacontenttype: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """The members of the message in protos/latchkey/events/v1, by their names there."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """Attributes that this version does not know yet."""
    delivery: Delivery | None = field(default=None, repr=False, compare=False)
    """None for an event that did not come from a subscription."""

    @classmethod
    def from_json(cls, payload: bytes | str, *, delivery: Delivery | None = None) -> Self:
        """Reads CloudEvents structured JSON; unknown attributes are kept in `extensions`.

        Raises:
            ValueError: it is not a CloudEvent.
        """
        attributes = json.loads(payload)
        match attributes:
            case {"id": str(), "source": str(), "type": str(), "time": str(time)}:
                known = {name: attributes.pop(name) for name in _IN_ORDER if name in attributes}
                known["time"] = datetime.fromisoformat(time)
                return cls(**known, data=dict(attributes.pop("data", {})), extensions=attributes, delivery=delivery)
        raise ValueError("not a CloudEvent: id, source, type and time are needed")

    def as_dict(self) -> dict[str, Any]:
        """The event as CloudEvents JSON members, unknown ones included."""
        known = {name: getattr(self, name) for name in _IN_ORDER}
        known["time"] = self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        present = {name: value for name, value in known.items() if value not in (None, "")}
        return {**present, **self.extensions, "data": dict(self.data)}

    @property
    def name(self) -> str:
        """The type without its frame, for example "login.succeeded"."""
        return self.type.removeprefix("latchkey.").rpartition(".v")[0] or self.type

    @property
    def fact(self) -> Fact | None:
        """The data with types (facts.py); None for an event that this version does not know.

        Raises:
            ValueError: the data are not what the contract says.
        """
        known = FACTS.get(self.name)
        return known.read(self.data) if known else None

    @property
    def sequence(self) -> int | None:
        """Position in the stream, for `since=`."""
        return self.delivery.sequence if self.delivery else None

    @property
    def deliveries(self) -> int:
        """How often it was offered, this time included."""
        return self.delivery.attempt if self.delivery else 1

    async def ack(self) -> None:
        """Handled: it does not come again. Returns when the server knows it.

        Raises:
            BusUnreachable: the connection is closed; the event will be offered again.
        """
        if self.delivery:
            await self.delivery.ack()

    async def nak(self, *, delay: float | None = None) -> None:
        """Not handled: once more after `delay` seconds, by default after 1, 2, 4, ... at most 60."""
        if self.delivery:
            await self.delivery.nak(delay)


_IN_ORDER = tuple(each.name for each in fields(Event) if each.name not in {"data", "extensions", "delivery"})

"""Base of the generated classes in event_types.py: the `data` of an event with types."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, get_type_hints


@dataclass(frozen=True, kw_only=True)
class EventData:
    """The data of one type of event. Missing members have empty values; unknown members are ignored."""

    NAME: ClassVar[str] = ""
    """For example "login.succeeded"."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Parse the `data` of an event.

        Raises:
            ValueError: a member has a wrong type.
        """
        hints = get_type_hints(cls)
        known = {each.name: data[each.name] for each in fields(cls) if data.get(each.name) is not None}
        return cls(**{name: _as(hints[name], name, value) for name, value in known.items()})


def _as(kind: Any, name: str, value: Any) -> Any:
    match value:
        case list() if kind == tuple[str, ...] and all(isinstance(text, str) for text in value):
            return tuple(value)
        # Protobuf JSON writes 64-bit integers as strings.
        case str() if kind is int:
            return int(value)
        case bool() | int() | str() if type(value) is kind:
            return value
    raise ValueError(f"{name} is {value!r}")

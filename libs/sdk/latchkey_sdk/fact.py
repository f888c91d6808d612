"""What an event says, with types: the base of the generated classes in facts.py."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Fact:
    """The data of one kind of event. What the event does not say is empty, and what is not known here is left out."""

    NAME: ClassVar[str] = ""
    """For example "login.succeeded"."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Reads the `data` of an event.

        Raises:
            ValueError: a member is not what the contract says.
        """
        hints = get_type_hints(cls)
        known = {each.name: data[each.name] for each in fields(cls) if data.get(each.name) is not None}
        return cls(**{name: _as(hints[name], name, value) for name, value in known.items()})


def _as(kind: Any, name: str, value: Any) -> Any:
    match value:
        case list() if kind == tuple[str, ...] and all(isinstance(text, str) for text in value):
            return tuple(value)
        # The JSON form of protobuf: what a number of JavaScript may not hold exactly is a string.
        case str() if kind is int:
            return int(value)
        case bool() | int() | str() if type(value) is kind:
            return value
    raise ValueError(f"{name} is {value!r}")

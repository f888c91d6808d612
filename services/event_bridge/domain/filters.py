"""Event filters: `login.>`, `session.ended`, `*.revoked`, `session` (all of it), `>` (everything)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_FILTERS = 32
_TOKEN = re.compile(r"[a-z0-9_]{1,40}|\*")


@dataclass(frozen=True)
class Filter:
    """Patterns for the entity and for the event: a name or `*`."""

    entity: str
    event: str

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """Raises ValueError if the text is not an event filter."""
        entity, _, event = text.partition(".")
        if text == ">":
            return cls("*", "*")
        event = "*" if event in {"", ">"} else event
        if not _TOKEN.fullmatch(entity) or not _TOKEN.fullmatch(event) or text.endswith("."):
            raise ValueError("not an event filter")
        return cls(entity, event)

    def matches(self, name: str) -> bool:
        """`name` is an event name, for example login.succeeded."""
        entity, _, event = name.partition(".")
        return self.entity in {"*", entity} and self.event in {"*", event}


def parse_all(texts: Iterable[str]) -> tuple[Filter, ...]:
    """Raises ValueError if a filter is malformed, or if there is none or more than MAX_FILTERS."""
    filters = tuple(map(Filter.parse, texts))
    if not 0 < len(filters) <= MAX_FILTERS:
        raise ValueError(f"there must be 1 to {MAX_FILTERS} filters")
    return filters


def any_matches(filters: Iterable[Filter], name: str) -> bool:
    return any(each.matches(name) for each in filters)

"""Which events somebody gets: `login.>`, `session.ended`, `*.revoked`, `session` (all of it), `>` (everything)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST_FILTERS = 32
_TOKEN = re.compile(r"[a-z0-9_]{1,40}|\*")


@dataclass(frozen=True)
class Filter:
    """An entity and an event, each by its name or `*`."""

    entity: str
    event: str

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """Raises ValueError: it is no filter."""
        entity, _, event = text.partition(".")
        if text == ">":
            return cls("*", "*")
        event = "*" if event in {"", ">"} else event
        if not _TOKEN.fullmatch(entity) or not _TOKEN.fullmatch(event) or text.endswith("."):
            raise ValueError("not an event filter")
        return cls(entity, event)

    def matches(self, name: str) -> bool:
        """`name`: of an event, for example login.succeeded."""
        entity, _, event = name.partition(".")
        return self.entity in {"*", entity} and self.event in {"*", event}


def parse_all(texts: Iterable[str]) -> tuple[Filter, ...]:
    """Raises ValueError: one of them is no filter, or there are none, or too many."""
    filters = tuple(map(Filter.parse, texts))
    if not 0 < len(filters) <= MOST_FILTERS:
        raise ValueError("no filter, or too many")
    return filters


def any_matches(filters: Iterable[Filter], name: str) -> bool:
    return any(each.matches(name) for each in filters)

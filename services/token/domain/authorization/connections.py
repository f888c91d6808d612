"""The applications that a user has given access to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

MAX_CONNECTIONS = 200


@dataclass(frozen=True)
class ConsentRecord:
    """A stored consent or a valid grant."""

    client_id: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    at: datetime


def connections(allowed: Iterable[ConsentRecord]) -> list[ConsentRecord]:
    """One for each client, with all that it was allowed; the latest first, MAX_CONNECTIONS at most."""
    found: dict[str, ConsentRecord] = {}
    for each in allowed:
        before = found.get(each.client_id, each)
        found[each.client_id] = ConsentRecord(
            each.client_id,
            tuple(dict.fromkeys((*before.scopes, *each.scopes))),
            tuple(dict.fromkeys((*before.resources, *each.resources))),
            max(before.at, each.at),
        )
    return sorted(found.values(), key=lambda each: each.at, reverse=True)[:MAX_CONNECTIONS]

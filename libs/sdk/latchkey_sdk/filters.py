"""Converts event filters such as "login.>" to NATS subjects: latchkey.v1.<entity>.<event>.<shard>."""

import re
from itertools import zip_longest

EVENTS = "LATCHKEY_EVENTS"
"""All events except those of LATCHKEY_TOKENS; kept for 30 days."""
TOKENS = "LATCHKEY_TOKENS"
"""token.issued and token.refreshed; kept for 72 hours."""

SHARDS = 16
"""Number of shards. All events about one user, client or key are in the same shard."""
_PREFIX = "latchkey.v1."
_TOKEN_SUBJECTS = ("latchkey.v1.token.issued.*", "latchkey.v1.token.refreshed.*")
_TOKEN = re.compile(r"[a-z0-9_]+|\*")


def subject_of(pattern: str) -> str:
    """Return the NATS subject of a filter: "login.>", "login.succeeded", "*.revoked", "session" (all of it), ">".

    Raises:
        ValueError: the pattern is not an event filter.
    """
    tokens = pattern.removeprefix(_PREFIX).split(".")
    whole = tokens[-1] == ">"
    named = tokens[:-1] if whole else tokens
    if len(named) > 3 or not all(_TOKEN.fullmatch(token) for token in named) or not (named or whole):
        raise ValueError(f"{pattern!r} is not an event filter: use for example 'login.>', 'login.succeeded' or '>'")
    if len(named) == 3:
        return _PREFIX + ".".join(named)
    return _PREFIX + ".".join([*named, ">" if whole or len(named) == 1 else "*"])


def in_shard(subject: str, shard: int) -> str:
    """Return the part of a subject of `subject_of` in one shard.

    Raises:
        ValueError: the subject already has a shard, or the shard does not exist.
    """
    if shard not in range(SHARDS):
        raise ValueError(f"shard {shard} must be from 0 to {SHARDS - 1}")
    named = [token for token in subject.removeprefix(_PREFIX).split(".") if token != ">"]
    if len(named) > 2 and named[2] != "*":
        raise ValueError(f"{subject} already has a shard")
    entity, event = (*named[:2], "*", "*")[:2]
    return f"{_PREFIX}{entity}.{event}.{shard:02d}"


def streams_of(subject: str) -> tuple[str, ...]:
    """Return the streams that may contain a subject. Unknown entities are expected in LATCHKEY_EVENTS."""
    streams = []
    if not any(covers(own, subject) for own in _TOKEN_SUBJECTS):
        streams.append(EVENTS)
    if any(overlaps(own, subject) for own in _TOKEN_SUBJECTS):
        streams.append(TOKENS)
    return tuple(streams)


def covers(wide: str, narrow: str) -> bool:
    """Return True if `wide` matches every subject that `narrow` matches."""
    for outer, inner in zip_longest(wide.split("."), narrow.split(".")):
        if outer == ">":
            return inner is not None
        if inner in {">", None} or outer not in {"*", inner}:
            return False
    return True


def overlaps(one: str, other: str) -> bool:
    """Return True if a subject exists that both match."""
    for left, right in zip_longest(one.split("."), other.split(".")):
        if left is None or right is None:
            return False
        if ">" in {left, right}:
            return True
        if left != right and "*" not in {left, right}:
            return False
    return True

"""What becomes of the keys of one algorithm next. A judgement: no I/O, no clock of its own.

A wait is never counted from the moment when a change was written, but from one at which it was found stored: the writer
may have hung between the two for any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.key_rotation.domain.keys import Key, KeyState, RevocationReason
from services.key_rotation.domain.waits import Waits


@dataclass(frozen=True, slots=True)
class Change:
    """A key as it was read, and as it shall be: saved only if nobody else has changed it meanwhile."""

    before: Key
    after: Key


def due(history: Sequence[Key], *, waits: Waits, now: datetime) -> list[Change]:
    """All that has come due at `now`, which must be read after `history` was; in the order in which to save it."""
    changes = [
        *(_ended(key, waits=waits, now=now) for key in history if key.state is KeyState.RETIRING),
        *_succession(_in(history, KeyState.ACTIVE), _in(history, KeyState.NEXT), waits=waits, now=now),
    ]
    return [change for change in changes if change.after != change.before]


def brought_forward(history: Sequence[Key], *, waits: Waits, now: datetime) -> list[Change]:
    """The next key's turn is as soon as its announcement allows; nothing while no next key is announced."""
    successor = _in(history, KeyState.NEXT)
    if successor is None or successor.activates_at is None:
        return []
    turn = max(now, successor.published_at + waits.announcement)
    if turn >= successor.activates_at:
        return []
    return [Change(successor, replace(successor, activates_at=turn, version=successor.version + 1))]


def revoked(key: Key, history: Sequence[Key], *, reason: RevocationReason, waits: Waits, now: datetime) -> list[Change]:
    """The end of a key and of all that it signed; after an active one comes the next. Raises IllegalTransition."""
    changes = [Change(key, key.revoked(reason, now=now))]
    if key.state is KeyState.ACTIVE:
        changes += _succession(None, _in(history, KeyState.NEXT), waits=waits, now=now)
    return [change for change in changes if change.after != change.before]


def _ended(key: Key, *, waits: Waits, now: datetime) -> Change:
    """A key that signs no more: its time in the key set is counted, and over some day."""
    if key.retires_at is None:
        return Change(key, replace(key, retires_at=now + waits.retention(key.signs_for), version=key.version + 1))
    return Change(key, key.become(KeyState.RETIRED) if key.retires_at <= now else key)


def _succession(active: Key | None, successor: Key | None, *, waits: Waits, now: datetime) -> list[Change]:
    if successor is None:
        return []
    announced = _announced(successor, active, waits=waits, now=now)
    if announced.activates_at is None or announced.activates_at > now:
        return [Change(successor, announced)]
    # The old one first: the database has room for one active key.
    ended = [Change(active, active.become(KeyState.RETIRING))] if active is not None else []
    return [*ended, Change(successor, announced.become(KeyState.ACTIVE))]


def _announced(successor: Key, active: Key | None, *, waits: Waits, now: datetime) -> Key:
    """With its turn fixed: in the ordinary way, or, when nothing signs, as soon as every cache must have the key."""
    published_at = successor.published_at if successor.activates_at is not None else now
    if active is None or active.activates_at is None:
        turn = max(now, published_at + waits.shortest_announcement)
        if successor.activates_at is not None and successor.activates_at <= turn:
            return successor
    elif successor.activates_at is not None:
        return successor
    else:
        turn = max(published_at + waits.announcement, active.activates_at + waits.period)
    return replace(successor, published_at=published_at, activates_at=turn, version=successor.version + 1)


def _in(history: Sequence[Key], state: KeyState) -> Key | None:
    """The database keeps one active and one next key for each algorithm."""
    return next((key for key in history if key.state is state), None)

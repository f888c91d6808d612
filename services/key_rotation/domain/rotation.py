"""Decides the next changes of the keys of one algorithm. No I/O, no clock.

A waiting time starts when a change was read from the database, not when it was written, because the writer may have
been suspended before the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.key_rotation.domain.keys import Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation_policy import RotationPolicy


@dataclass(frozen=True, slots=True)
class Change:
    """A key as read and as changed. Saved only if no other replica has changed the key meanwhile."""

    before: Key
    after: Key


def due_changes(history: Sequence[Key], *, policy: RotationPolicy, now: datetime) -> list[Change]:
    """Return the changes that are due at `now`, in the order to save them. Read `now` after `history`."""
    changes = [
        *(_retirement(key, policy=policy, now=now) for key in history if key.state is KeyState.RETIRING),
        *_succession(_in(history, KeyState.ACTIVE), _in(history, KeyState.NEXT), policy=policy, now=now),
    ]
    return [change for change in changes if change.after != change.before]


def activate_early(history: Sequence[Key], *, policy: RotationPolicy, now: datetime) -> list[Change]:
    """Return the change that activates the next key as early as its announcement allows; none if not scheduled."""
    successor = _in(history, KeyState.NEXT)
    if successor is None or successor.activates_at is None:
        return []
    activates_at = max(now, successor.published_at + policy.announcement)
    if activates_at >= successor.activates_at:
        return []
    return [Change(successor, replace(successor, activates_at=activates_at, version=successor.version + 1))]


def revocation_changes(
    key: Key, history: Sequence[Key], *, reason: RevocationReason, policy: RotationPolicy, now: datetime
) -> list[Change]:
    """Return the changes that revoke a key and, if it is active, activate the next one. Raises IllegalTransition."""
    changes = [Change(key, key.revoked(reason, now=now))]
    if key.state is KeyState.ACTIVE:
        changes += _succession(None, _in(history, KeyState.NEXT), policy=policy, now=now)
    return [change for change in changes if change.after != change.before]


def _retirement(key: Key, *, policy: RotationPolicy, now: datetime) -> Change:
    """Schedule the retirement of a retiring key, or retire it when it is due."""
    if key.retires_at is None:
        return Change(key, replace(key, retires_at=now + policy.retention(key.signs_for), version=key.version + 1))
    return Change(key, key.become(KeyState.RETIRED) if key.retires_at <= now else key)


def _succession(active: Key | None, successor: Key | None, *, policy: RotationPolicy, now: datetime) -> list[Change]:
    if successor is None:
        return []
    announced = _scheduled(successor, active, policy=policy, now=now)
    if announced.activates_at is None or announced.activates_at > now:
        return [Change(successor, announced)]
    # The active key first: the database permits only one active key.
    ended = [Change(active, active.become(KeyState.RETIRING))] if active is not None else []
    return [*ended, Change(successor, announced.become(KeyState.ACTIVE))]


def _scheduled(successor: Key, active: Key | None, *, policy: RotationPolicy, now: datetime) -> Key:
    """Return the next key with `activates_at`: the regular time or, without an active key, as soon as caches permit."""
    published_at = successor.published_at if successor.activates_at is not None else now
    if active is None or active.activates_at is None:
        activates_at = max(now, published_at + policy.min_announcement)
        if successor.activates_at is not None and successor.activates_at <= activates_at:
            return successor
    elif successor.activates_at is not None:
        return successor
    else:
        activates_at = max(published_at + policy.announcement, active.activates_at + policy.period)
    return replace(successor, published_at=published_at, activates_at=activates_at, version=successor.version + 1)


def _in(history: Sequence[Key], state: KeyState) -> Key | None:
    """Return the key in this state. The database permits one active and one next key for each algorithm."""
    return next((key for key in history if key.state is state), None)

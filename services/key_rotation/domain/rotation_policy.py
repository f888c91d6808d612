"""Minimum duration of each key state, derived from how long caches and replicas keep keys.

Every clock, of services and of verifiers, may be wrong by CLOCK_ERROR in either direction. A duration that two clocks
measure, or one that jumps, may be wrong by twice this error.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from libs.crypto.token_kinds import MAX_SKEW

CLOCK_ERROR: Final = timedelta(minutes=5)
_CACHES_IN_SERIES: Final = 2
"""A shared cache, and behind it a client that ignores `Age` (RFC 9111 5.1)."""


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """Raises ValueError if a key could sign before every cache contains it."""

    jwks_max_age: timedelta
    """Cache lifetime of the key set."""
    publication_max_age: timedelta
    """How long the browser edge publishes keys without a refresh."""
    view_max_age: timedelta
    """How long a token replica signs without a refresh."""
    announcement: timedelta
    """How long a key is published before it is activated in a regular rotation."""
    period: timedelta
    """How long a key signs."""

    def __post_init__(self) -> None:
        if self.announcement < self.min_announcement:
            raise ValueError(
                f"a key must be announced for {_seconds(self.min_announcement)} s at least: "
                f"{_CACHES_IN_SERIES} x {_seconds(self.jwks_max_age)} s in caches, "
                f"{_seconds(self.publication_max_age)} s at the browser edge, {_seconds(4 * CLOCK_ERROR)} s for clocks"
            )
        if self.period < self.announcement:
            raise ValueError("the key period must not be shorter than the announcement")

    @property
    def min_announcement(self) -> timedelta:
        """Minimum announcement, also after a revocation: after it every copy of the key set contains the key."""
        return _CACHES_IN_SERIES * self.jwks_max_age + self.publication_max_age + 4 * CLOCK_ERROR

    @property
    def exposure(self) -> timedelta:
        """How long copies of the key set may contain a key that was removed."""
        return _CACHES_IN_SERIES * self.jwks_max_age + self.publication_max_age

    def retention(self, signs_for: timedelta) -> timedelta:
        """Return how long a key stays published after its end was stored.

        A replica may sign with the key until its view expires. Its tokens live for `signs_for`, and a verifier may
        accept them for MAX_SKEW longer.
        """
        return self.view_max_age + signs_for + MAX_SKEW + 6 * CLOCK_ERROR


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())

"""How long each state lasts at least, derived from how long others may remember what they were told.

No clock is trusted for more than it can show: every one of ours, and of those who verify, may be wrong by CLOCK_ERROR
either way. What two clocks measure together, or one that jumps in between, is wrong by twice as much.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from libs.crypto.token_kinds import MAX_SKEW

CLOCK_ERROR: Final = timedelta(minutes=5)
_CACHES_IN_A_ROW: Final = 2
"""A shared cache in front of us, and behind it a client that takes no notice of `Age` (RFC 9111 5.1)."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Raises ValueError when a key could sign before everybody can know it."""

    jwks_max_age: timedelta
    """How long whoever has fetched the key set may keep it."""
    publication_max_age: timedelta
    """How long the browser edge publishes the keys without having asked again."""
    view_max_age: timedelta
    """How long a token replica signs with the keys without having asked again."""
    announcement: timedelta
    """How long a key is published before its turn comes in the ordinary way."""
    period: timedelta
    """How long a key signs."""

    def __post_init__(self) -> None:
        if self.announcement < self.shortest_announcement:
            raise ValueError(
                f"a key has to be announced for {_seconds(self.shortest_announcement)} s at least: "
                f"{_CACHES_IN_A_ROW} x {_seconds(self.jwks_max_age)} s in caches, "
                f"{_seconds(self.publication_max_age)} s at the browser edge, {_seconds(4 * CLOCK_ERROR)} s for clocks"
            )
        if self.period < self.announcement:
            raise ValueError("a key has to sign for as long as the next one is announced")

    @property
    def shortest_announcement(self) -> timedelta:
        """The floor, in an emergency too: no copy of the key set that lacks a key outlives this."""
        return _CACHES_IN_A_ROW * self.jwks_max_age + self.publication_max_age + 4 * CLOCK_ERROR

    @property
    def exposure(self) -> timedelta:
        """For how long a copy of the key set may still hold a key that was taken out of it."""
        return _CACHES_IN_A_ROW * self.jwks_max_age + self.publication_max_age

    def retention(self, signs_for: timedelta) -> timedelta:
        """How long a key stays published after its end is known to be stored.

        A replica may sign with it for as long as its view is good; what it signs lives for `signs_for`, and a verifier
        may grant MAX_SKEW on top.
        """
        return self.view_max_age + signs_for + MAX_SKEW + 6 * CLOCK_ERROR


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())

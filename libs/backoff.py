"""Exponential back-off between the attempts of a delivery."""

from dataclasses import dataclass
from datetime import timedelta

_FACTOR = 3
_MAX_EXPONENT = 12


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """The pause after the first attempt, three times as long after each further one, up to a limit.

    Args:
        jitter: largest random deviation as a fraction of the pause, so that retries do not coincide.
    """

    first_pause: timedelta
    max_pause: timedelta
    jitter: float = 0.0

    def pause_after(self, attempts: int, *, chance: float = 0.5) -> timedelta:
        """Return the pause after so many attempts. `chance`: a random number from 0 to 1 for the jitter."""
        factor: int = _FACTOR ** min(max(attempts - 1, 0), _MAX_EXPONENT)
        return min(self.first_pause * factor, self.max_pause) * (1 + self.jitter * (2 * chance - 1))

"""Restarts a program when it ends, after a pause that grows with each failure."""

from collections.abc import Callable

from deploy.local.supervision.process import Child

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 30.0
"""After this many seconds of running, the count of failures starts again."""


class Restarter:
    """Restarts one program. `clock` returns monotonic seconds. Call `tick` often; it never blocks."""

    def __init__(self, child: Child, *, clock: Callable[[], float]) -> None:
        self.child = child
        self.endings = 0
        """Number of consecutive ends without a steady run."""
        self._clock = clock
        self._started_at = 0.0
        self._start_at: float | None = None

    def start(self) -> None:
        self._start_at = None
        self._started_at = self._clock()
        self.child.start()

    def tick(self) -> str | None:
        """Restarts the program when its pause is over. Returns a message when its state changed."""
        if self.child.alive:
            return None
        now, name = self._clock(), self.child.program.name
        if self._start_at is None:
            if now - self._started_at >= STEADY_SECONDS:
                self.endings = 0
            pause = min(FIRST_PAUSE_SECONDS * 2**self.endings, MAX_PAUSE_SECONDS)
            self.endings += 1
            self._start_at = now + pause
            return f"{name} ended {self.child.ending}; starting it again in {pause:g} s"
        if now < self._start_at:
            return None
        self.start()
        return f"{name} is started again"

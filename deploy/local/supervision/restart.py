"""Keeping one program running: started again when it ends, after a pause that grows while it keeps ending."""

from collections.abc import Callable

from deploy.local.supervision.process import Child

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 30.0
"""Having run for so long, it is taken for healthy: the next end is a first one again."""


class Keeper:
    """`clock` gives monotonic seconds. Call `tick` often; it never waits."""

    def __init__(self, child: Child, *, clock: Callable[[], float]) -> None:
        self.child = child
        self.endings = 0
        """How often in a row it ended without having been steady."""
        self._clock = clock
        self._started_at = 0.0
        self._start_at: float | None = None

    def start(self) -> None:
        self._start_at = None
        self._started_at = self._clock()
        self.child.start()

    def tick(self) -> str | None:
        """Starts the program when its time has come; says in words what has just happened, if anything has."""
        if self.child.alive:
            return None
        now, name = self._clock(), self.child.program.name
        if self._start_at is None:
            if now - self._started_at >= STEADY_SECONDS:
                self.endings = 0
            pause = min(FIRST_PAUSE_SECONDS * 2**self.endings, LONGEST_PAUSE_SECONDS)
            self.endings += 1
            self._start_at = now + pause
            return f"{name} ended {self.child.ending}; starting it again in {pause:g} s"
        if now < self._start_at:
            return None
        self.start()
        return f"{name} is started again"

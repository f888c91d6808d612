"""Runs programs in the foreground, restarts those that end, and stops all in order."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn, Self

from deploy.local.log_watch import LogWatch
from deploy.local.supervision import process
from deploy.local.supervision.parent_watch import Parent
from deploy.local.supervision.process import Child, Program
from deploy.local.supervision.restart import Restarter
from deploy.provision.console import say

TICK_SECONDS = 0.05
STOP_SECONDS = 2.2
"""Time limit for each group that is stopped: four groups take at most ten seconds."""
ECHO_SECONDS = 0.5
PATIENCE = 3
"""The start fails when a program ends this often before everything is ready."""


class StartFailedError(Exception):
    """The run did not become ready; the message has the cause."""


class StoppedError(Exception):
    """The run was asked to stop."""


class Supervisor:
    """A context manager that stops all programs at its end. `stop_with_parent`: also ends with the parent process."""

    def __init__(
        self,
        *,
        stop_order: Sequence[Sequence[str]],
        stop_seconds: float = STOP_SECONDS,
        stop_with_parent: bool = False,
    ) -> None:
        self._stop_order = stop_order
        self._stop_seconds = stop_seconds
        self._parent = Parent() if stop_with_parent else None
        self._keepers: dict[str, Restarter] = {}
        self._watch = LogWatch()
        self._signalled_at: float | None = None
        self._impatient = False
        self._handlers = ExitStack()

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            previous = signal.signal(number, self._on_signal)
            self._handlers.callback(signal.signal, number, previous)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._handlers.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._signalled_at is None:
            self._signalled_at = now
        # One Ctrl-C can arrive twice: from the terminal and from make.
        self._impatient = now - self._signalled_at > ECHO_SECONDS

    @property
    def children(self) -> list[Child]:
        return [restarter.child for restarter in self._keepers.values()]

    def start(self, programs: Sequence[Program]) -> None:
        """Starts all programs without waiting."""
        for program in programs:
            process.rotate_log(program.log)
            self._watch.add(program.name, program.log)
            restarter = self._keepers[program.name] = Restarter(Child(program), clock=time.monotonic)
            restarter.start()

    def drop(self, name: str) -> None:
        """Stops a program and no longer restarts it."""
        process.stop([self._keepers.pop(name).child], seconds=self._stop_seconds)

    def wait_until(self, troubles: Callable[[], Mapping[str, str]], *, seconds: float) -> dict[str, str]:
        """Waits until `troubles` is empty; returns the remaining troubles after `seconds`.

        Raises:
            StoppedError: asked to stop meanwhile.
            StartFailedError: a program keeps ending.
        """
        deadline = time.monotonic() + seconds
        while left := dict(troubles()):
            self._tick()
            self._give_up_on_failing()
            if time.monotonic() > deadline:
                return left
        return {}

    def run_until_stopped(self, *, on_change: Callable[[], None]) -> NoReturn:
        """Supervises the programs; `on_change` is called when one has ended or was restarted.

        Raises:
            StoppedError: asked to stop; the only end there is.
        """
        while True:
            if self._tick():
                on_change()

    def _tick(self) -> bool:
        """Checks all programs once and sleeps shortly; True when a program ended or started."""
        for line in self._watch.news():
            say(f"  {line}")
        news = [said for restarter in self._keepers.values() if (said := restarter.tick())]
        for line in news:
            say(f"  {line}")
        time.sleep(TICK_SECONDS)
        if self._signalled_at is not None or (self._parent is not None and self._parent.wants_to_end):
            raise StoppedError
        return bool(news)

    def _give_up_on_failing(self) -> None:
        for name, restarter in self._keepers.items():
            if restarter.endings >= PATIENCE:
                log = self._watch.tail(name)
                raise StartFailedError(f"{name} ended {restarter.child.ending}, {PATIENCE} times. Its log:\n{log}")

    def _stop(self) -> None:
        """Stops group after group; a second signal kills the rest."""
        running = {restarter.child.program.name: restarter.child for restarter in self._keepers.values()}
        for names in self._stop_order:
            group = [running.pop(name) for name in names if name in running]
            slow = process.stop(group, seconds=0 if self._impatient else self._stop_seconds)
            for child in slow:
                say(f"  {child.program.name} did not stop in time and was killed")
        process.stop(list(running.values()), seconds=self._stop_seconds)

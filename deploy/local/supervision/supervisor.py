"""Runs programs side by side in the foreground until told to stop, starts again what dies, stops all in order."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn, Self

from deploy.local.console import say
from deploy.local.log_watch import LogWatch
from deploy.local.supervision import process
from deploy.local.supervision.parent_watch import Parent
from deploy.local.supervision.process import Child, Program
from deploy.local.supervision.restart import Keeper

TICK_SECONDS = 0.05
STOP_SECONDS = 2.2
"""For each of the groups that stop one after the other: four of them stay within ten seconds."""
ECHO_SECONDS = 0.5
PATIENCE = 3
"""A program that ends so often before everything was ready is not going to work."""


class StartFailedError(Exception):
    """The run did not get ready; the message says what and why."""


class StoppedError(Exception):
    """Somebody asked the run to stop."""


class Supervisor:
    """Use as a context: leaving it stops everything. `stop_with_parent`: it also ends with whoever started it."""

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
        self._keepers: dict[str, Keeper] = {}
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
        # One Ctrl-C may arrive twice: from the terminal and from make.
        self._impatient = now - self._signalled_at > ECHO_SECONDS

    @property
    def children(self) -> list[Child]:
        return [keeper.child for keeper in self._keepers.values()]

    def start(self, programs: Sequence[Program]) -> None:
        """Starts them all; none waits for another."""
        for program in programs:
            process.rotate_log(program.log)
            self._watch.add(program.name, program.log)
            keeper = self._keepers[program.name] = Keeper(Child(program), clock=time.monotonic)
            keeper.start()

    def drop(self, name: str) -> None:
        """Ends a program and looks after it no more."""
        process.stop([self._keepers.pop(name).child], seconds=self._stop_seconds)

    def wait_until(self, troubles: Callable[[], Mapping[str, str]], *, seconds: float) -> dict[str, str]:
        """Waits until `troubles` names none any more; returns those left after `seconds`.

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
        """Watches over the programs; `on_change` is called when one has ended or was started again.

        Raises:
            StoppedError: asked to stop; the only end there is.
        """
        while True:
            if self._tick():
                on_change()

    def _tick(self) -> bool:
        """One look at everything, and a short rest; True when a program ended or started."""
        for line in self._watch.news():
            say(f"  {line}")
        news = [said for keeper in self._keepers.values() if (said := keeper.tick())]
        for line in news:
            say(f"  {line}")
        time.sleep(TICK_SECONDS)
        if self._signalled_at is not None or (self._parent is not None and self._parent.wants_to_end):
            raise StoppedError
        return bool(news)

    def _give_up_on_failing(self) -> None:
        for name, keeper in self._keepers.items():
            if keeper.endings >= PATIENCE:
                log = self._watch.tail(name)
                raise StartFailedError(f"{name} ended {keeper.child.ending}, {PATIENCE} times. Its log:\n{log}")

    def _stop(self) -> None:
        """Group after group; a second signal, some time after the first, ends the waiting."""
        running = {keeper.child.program.name: keeper.child for keeper in self._keepers.values()}
        for names in self._stop_order:
            group = [running.pop(name) for name in names if name in running]
            slow = process.stop(group, seconds=0 if self._impatient else self._stop_seconds)
            for child in slow:
                say(f"  {child.program.name} did not stop in time and was killed")
        process.stop(list(running.values()), seconds=self._stop_seconds)

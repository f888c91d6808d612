"""A program of the run as a child process. Its output goes to its log file."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from deploy.provision.home import PROJECT_ROOT

_PDEATHSIG_EXEC = Path(__file__).with_name("pdeathsig_exec.py")
_LOG_LIMIT_BYTES = 5_000_000


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    """An absolute path and the arguments."""
    environment: Mapping[str, str]
    log: Path


class Child:
    """A program, running or not. It ends with this process and gets no signals of the terminal."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_requested = False

    def start(self) -> None:
        """Starts or restarts the program. Call it from the main thread: the program ends with that thread."""
        self._stop_requested = False
        tethered = [sys.executable, "-I", "-S", str(_PDEATHSIG_EXEC), str(os.getpid()), *self.program.command]
        # Logs and databases are private files.
        self.program.log.touch(mode=0o600)
        with self.program.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - fixed programs
                tethered,
                cwd=PROJECT_ROOT,
                env=dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                umask=0o077,
            )

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it ended without a request to stop."""
        return self._process is not None and not self.alive and not self._stop_requested

    @property
    def ending(self) -> str:
        """How it ended, for messages: "with code 1", "by SIGKILL"."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return "not at all"
        return f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self.alive:
            self._stop_requested |= number in {signal.SIGTERM, signal.SIGKILL}
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Waits up to `seconds`; True when it has ended."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kills it and waits until it has ended."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()


def stop(children: Sequence[Child], *, seconds: float) -> list[Child]:
    """Asks all to end concurrently and kills those that have not after `seconds`; returns the killed ones."""
    deadline = monotonic() + seconds
    for child in children:
        child.send(signal.SIGTERM)
    slow = [child for child in children if not child.wait(deadline - monotonic())]
    for child in slow:
        child.kill()
    return slow


def rotate_log(log: Path) -> None:
    """Starts a new log when the old one is too large; one old log is kept."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))

"""Watches the parent process: the run ends when the parent has ended or was asked to end.

`make` forwards SIGTERM to its recipe, but not a SIGINT that was sent to make only. It then waits for its recipe; the
only visible sign is that it no longer has a handler for SIGINT.
"""

import os
import signal
from pathlib import Path


class Parent:
    def __init__(self) -> None:
        self._pid = os.getppid()
        self._caught_interrupts = _catches_interrupts(self._pid)

    @property
    def wants_to_end(self) -> bool:
        if os.getppid() != self._pid:
            return True
        return self._caught_interrupts and not _catches_interrupts(self._pid)


def _catches_interrupts(pid: int) -> bool:
    """Whether the process has a handler for SIGINT (Linux; False elsewhere)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) & 1 << (signal.SIGINT - 1))

"""The process that started this one: when it is gone, or was told to end, so should what it started.

`make` passes SIGTERM on to its recipe, but neither SIGKILL, of course, nor a SIGINT that was sent to it alone and not
by a terminal to everybody: it then waits for its recipe without a word, and only shows that it catches no more SIGINT.
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

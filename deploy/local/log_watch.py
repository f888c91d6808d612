"""Prints important lines of the programs' logs on the terminal of the run."""

import json
from pathlib import Path

from deploy.provision.topology import NATS, PLAYGROUND

_LEVELS = {"warning", "error", "critical"}
_LINE_LENGTH = 400


class LogWatch:
    """Reads the lines that were added to each log since the last call."""

    def __init__(self) -> None:
        self._logs: dict[str, Path] = {}
        self._read: dict[str, int] = {}

    def add(self, program: str, log: Path) -> None:
        """Skips the lines that the log already has."""
        self._logs[program] = log
        self._read[program] = _size(log)

    def news(self) -> list[str]:
        """Important lines since the last call, as "token: message"."""
        return [f"{name}: {line}" for name in self._logs for line in self._new_lines(name) if line]

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a log."""
        try:
            text = self._logs[name].read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _new_lines(self, name: str) -> list[str]:
        if _size(self._logs[name]) <= self._read[name]:
            return []
        with self._logs[name].open("rb") as log:
            log.seek(self._read[name])
            added = log.read()
        whole = added[: added.rfind(b"\n") + 1]  # an incomplete line is read next time
        self._read[name] += len(whole)
        return [important(name, line) for line in whole.decode(errors="replace").splitlines()]


def important(program: str, line: str) -> str:
    """The text to print for a log line; empty for unimportant lines."""
    if program == NATS:
        return line.partition("] ")[2] if "[FTL]" in line else ""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        # Services log JSON; other lines come from a crashing process.
        return "" if program == PLAYGROUND or line.startswith((" ", "Traceback")) else line[:_LINE_LENGTH]
    if record.get("level") not in _LEVELS:
        return ""
    cause = f" ({record['cause']})" if record.get("cause") else ""
    return f"{record['level']}: {record.get('event', '')}{cause}"[:_LINE_LENGTH]


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0

"""Status lines on stdout and stderr."""

import sys
from contextlib import suppress


def say(text: str) -> None:
    """Writes a line and flushes it. A closed output is ignored."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    _write(sys.stderr, f"latchkey: {text}")


def _write(stream: object, text: str) -> None:
    with suppress(OSError, ValueError):
        print(text, file=stream, flush=True)  # type: ignore[call-overload]

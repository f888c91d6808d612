"""Plain lines for whoever started the run; no terminal needed, and nobody has to read them."""

import sys
from contextlib import suppress


def say(text: str) -> None:
    """Writes a line at once. A reader that has gone away is no reason to stop."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    _write(sys.stderr, f"latchkey: {text}")


def _write(stream: object, text: str) -> None:
    with suppress(OSError, ValueError):
        print(text, file=stream, flush=True)  # type: ignore[call-overload]

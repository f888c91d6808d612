"""Captures the log of a service in memory, with the real logging configuration.

with captured_log("json") as log:
    ...
    assert "secret" not in log.text
"""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

import structlog

from libs.servicekit.base import logs


class CapturedLog:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of a JSON log."""
        return [json.loads(line) for line in self.text.splitlines()]

    def messages(self) -> list[str]:
        return [record["event"] for record in self.records]


@contextmanager
def captured_log(style: Literal["json", "console"] = "json", *, level: str = "debug") -> Iterator[CapturedLog]:
    """Captures everything that the service and libraries log in the block."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, root_level = root.handlers[:], root.level
    try:
        # Cached module loggers would keep this stream after the block.
        configure = structlog.configure
        with (
            patch.object(sys, "stderr", stream),
            patch.object(structlog, "configure", lambda **how: configure(**how | {"cache_logger_on_first_use": False})),
        ):
            logs.configure("token", level=level, style=style)
        yield CapturedLog(stream)
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(root_level)

"""What a service would write: the real chain of loggers, into memory.

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
        """Of a log in JSON: one for each line."""
        return [json.loads(line) for line in self.text.splitlines()]

    def messages(self) -> list[str]:
        return [record["event"] for record in self.records]


@contextmanager
def captured_log(style: Literal["json", "console"] = "json", *, level: str = "debug") -> Iterator[CapturedLog]:
    """Everything that is logged in the block, by us and by libraries."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, root_level = root.handlers[:], root.level
    try:
        # Loggers of modules would keep the stream for good.
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

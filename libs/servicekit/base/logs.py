"""Structured logs on standard error: one JSON object per line, or columns for a terminal."""

import logging
import sys
from typing import Any, Literal, TextIO, cast

import structlog

from libs.servicekit.base import trace
from libs.servicekit.base.metrics import LOG_LINES_LOST


class LossyStream:
    """Writes to a stream and drops what cannot be written: a full disk or a closed pipe must not end a service."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # ValueError: the stream is closed, or cannot encode the text
            LOG_LINES_LOST.inc()

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            LOG_LINES_LOST.inc()


def configure(service: str, *, level: str, style: Literal["json", "console"]) -> None:
    """Configure one format for the records of this project and of libraries."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _about(service),
    ]
    rendering = _json() if style == "json" else _columns()
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", LossyStream(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", LossyStream(sys.stderr)))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _json() -> list[Any]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _columns() -> list[Any]:
    # The default exception formatter prints local variables, which may contain passwords.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _about(service: str) -> Any:
    def add(_logger: Any, _method: str, record: dict[str, Any]) -> dict[str, Any]:
        record["service"] = service
        if trace_id := trace.current_id():
            record["trace_id"] = trace_id
        return record

    return add


def get(name: str) -> Any:
    """Return a logger. A call passes an event code ("outbox.relay_blocked"), `message=` with a sentence, and fields."""
    return structlog.get_logger(module=name)

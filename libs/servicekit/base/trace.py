"""W3C trace context: one id that follows a request through every service, log line and event."""

import secrets
from contextvars import ContextVar

HEADER = "traceparent"
_VERSION_AND_FIELDS = 4
_current: ContextVar[str] = ContextVar("traceparent", default="")


def begin(traceparent: str | None = None) -> str:
    """Continues the trace of a caller, or starts one; returns the trace id (32 hex digits)."""
    parts = traceparent.split("-") if traceparent else []
    known = len(parts) == _VERSION_AND_FIELDS and len(parts[1]) == 32 and _is_hex(parts[1]) and parts[1].strip("0")
    random = secrets.token_hex(24)
    trace_id = parts[1] if known else random[:32]
    _current.set(f"00-{trace_id}-{random[32:]}-01")
    return trace_id


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)


def current() -> str:
    """The traceparent of what is being done; empty outside of a request."""
    return _current.get()


def current_id() -> str:
    """The trace id alone; empty outside of a request."""
    return _current.get()[3:35]

"""W3C trace context: one trace id for a request in all services, log lines and events."""

import secrets
from contextvars import ContextVar

HEADER = "traceparent"
RESPONSE_HEADER = "X-Trace-Id"
"""Of the responses of the public servers: the trace id, which is in all log lines about the request."""
_VERSION_AND_FIELDS = 4
_current: ContextVar[str] = ContextVar("traceparent", default="")


def begin(traceparent: str | None = None) -> str:
    """Continue the trace of a caller, or start a new one. Returns the trace id (32 hex digits)."""
    parts = traceparent.split("-") if traceparent else []
    known = len(parts) == _VERSION_AND_FIELDS and len(parts[1]) == 32 and _is_hex(parts[1]) and parts[1].strip("0")
    random = secrets.token_hex(24)
    trace_id = parts[1] if known else random[:32]
    _current.set(f"00-{trace_id}-{random[32:]}-01")
    return trace_id


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)


def current() -> str:
    """Return the traceparent of the current request or task; empty outside of one."""
    return _current.get()


def current_id() -> str:
    """Return the trace id of the current request or task; empty outside of one."""
    return _current.get()[3:35]

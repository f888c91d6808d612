"""Prints an event on one line."""

from typing import Any

from latchkey_sdk import Event
from libs.cli.output import Output, moment, text

_SHOWN_APART = frozenset({"reason"})


def show(event: Event, output: Output) -> None:
    if output.json:
        output.json_line(event.as_dict())
        return
    reason = f"{event.reason} " if event.reason else ""
    shown = {name: value for name, value in event.data.items() if name not in _SHOWN_APART and value != event.subject}
    members = " ".join(f"{name}={_value(value)}" for name, value in shown.items())
    output.line(f"{moment(event.time)}  {event.name:<22} {event.subject:<36}  {reason}{members}".rstrip())


def _value(value: Any) -> str:
    return ",".join(map(text, value)) if isinstance(value, list) else text(value)

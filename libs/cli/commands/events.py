"""latchkey events: what happens, as subscribers see it."""

import asyncio
import signal
from collections import deque
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import typer

from latchkey.events.v1 import events_pb2
from latchkey_sdk import AccessRefused, Event, LatchkeyError, Since, subscribe
from latchkey_sdk.filters import overlaps, subject_of
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.connection import Connection
from libs.cli.durations import parse_duration
from libs.cli.errors import CliError, UsageError
from libs.cli.output import Output, moment, text

app = App(help="What happens, as subscribers see it.")

CONNECT_SECONDS = 3.0
_REMEMBERED = 256
_SHOWN_APART = frozenset({"reason"})


@app.callback()
def events() -> None:
    """What happens, as subscribers see it."""


@app.answering("tail")
def tail(
    context: typer.Context,
    pattern: Annotated[
        str,
        typer.Option("--filter", metavar="FILTER", help="login.>, session.ended, *.revoked, ... or > for everything."),
    ] = ">",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            show_default=False,
            help="Begin so long ago (90s, 10m, 2h, 3d), at a time (ISO 8601), or at the beginning.",
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, show_default=False, help="Stop after so many.")
    ] = None,
) -> None:
    """Show events as they happen, until Ctrl-C. With --json: one CloudEvent per line.

    Nothing stays behind on the server, and nobody else misses an event because of it.
    """
    output = Output.of(context)
    start = _since(since) if since else None
    try:
        subject = subject_of(pattern)
    except ValueError as error:
        raise UsageError(str(error)) from None
    _warn_of_nothing(pattern, subject, output)
    found = connection()
    if not found.nats_url:
        raise CliError(f"{found.source} does not say where NATS is: set LATCHKEY_NATS_URL and LATCHKEY_NATS_CREDS")
    run(_until_interrupted(found, pattern, start, count, output))


async def _until_interrupted(found: Connection, pattern: str, since: Since, count: int | None, output: Output) -> None:
    showing = asyncio.ensure_future(_show_all(found, pattern, since, count, output))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, showing.cancel)
    await asyncio.wait({showing})
    if not showing.cancelled():
        showing.result()


async def _show_all(found: Connection, pattern: str, since: Since, count: int | None, output: Output) -> None:
    subscription = subscribe(
        pattern, servers=found.nats_url, creds=found.nats_creds, since=since, connect_timeout=CONNECT_SECONDS
    )
    shown = 0
    recent: deque[str] = deque(maxlen=_REMEMBERED)  # a restart of NATS may offer an event twice
    try:
        async with subscription as arriving:
            async for event in arriving:
                if event.id in recent:
                    continue
                recent.append(event.id)
                _show(event, output)
                shown += 1
                if shown == count:
                    break
    except LatchkeyError as error:
        code = "access_refused" if isinstance(error, AccessRefused) else "unreachable"
        raise CliError(f"{error} (from {found.source})", code=code) from None


def _show(event: Event, output: Output) -> None:
    if output.json:
        output.json_line(event.as_dict())
        return
    reason = f"{event.reason} " if event.reason else ""
    told = {name: value for name, value in event.data.items() if name not in _SHOWN_APART and value != event.subject}
    members = " ".join(f"{name}={_value(value)}" for name, value in told.items())
    output.line(f"{moment(event.time)}  {event.name:<22} {event.subject:<36}  {reason}{members}".rstrip())


def _value(value: Any) -> str:
    return ",".join(map(text, value)) if isinstance(value, list) else text(value)


def _since(value: str) -> datetime | timedelta | Literal["beginning"]:
    """Raises UsageError."""
    if value == "beginning":
        return "beginning"
    duration = parse_duration(value)
    if duration is not None:
        return duration
    try:
        return datetime.fromisoformat(value).astimezone()
    except ValueError:
        raise UsageError(f"--since {value}: 90s, 10m, 2h, 3d, a time such as 2026-03-01T12:00Z, or beginning") from None


def _warn_of_nothing(pattern: str, subject: str, output: Output) -> None:
    """A typing error would otherwise look like a quiet day; a later server may know more, so it is no error."""
    names = _event_names()
    if any(overlaps(subject, f"latchkey.v1.{name}.*") for name in names):
        return
    near = get_close_matches(pattern, {*names, *(name.split(".")[0] + ".>" for name in names)}, n=1)
    advice = f": did you mean {near[0]!r}?" if near else ""
    output.warn(f"This version knows no event that {pattern!r} matches{advice}")


def _event_names() -> list[str]:
    options = (
        message.GetOptions().Extensions[events_pb2.event]
        for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().HasExtension(events_pb2.event)
    )
    return sorted(option.name for option in options)

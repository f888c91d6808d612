"""latchkey events: read events and inspect consumers."""

import asyncio
import signal
from collections import deque
from difflib import get_close_matches
from typing import Annotated

import typer

from latchkey.events.v1 import events_pb2
from latchkey_sdk import LatchkeyError, Since, subscribe
from latchkey_sdk.filters import overlaps, subject_of
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.bus import cli_error
from libs.cli.commands import event_consumers, event_history
from libs.cli.commands.given import since_of
from libs.cli.connection import Connection
from libs.cli.errors import CliError, UsageError
from libs.cli.event_lines import show
from libs.cli.output import Output

app = App(help="Read events and inspect consumers.")
event_history.add_to(app)
event_consumers.add_to(app)

CONNECT_SECONDS = 3.0
_REMEMBERED = 256


@app.callback()
def events() -> None:
    """Read events and inspect consumers."""


@app.answering("tail")
def tail(
    context: typer.Context,
    pattern: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="FILTER",
            help="Event filter, for example login.>, session.ended or *.revoked; > is all events.",
        ),
    ] = ">",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            show_default=False,
            help="Start: a duration ago (90s, 10m, 2h, 3d), a time (ISO 8601), or beginning. Default: now.",
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, show_default=False, help="Stop after this number of events.")
    ] = None,
) -> None:
    """Show events as they happen, until Ctrl-C. With --json: one CloudEvent per line.

    It leaves no consumer on the server and takes no events from other subscribers.
    """
    output = Output.of(context)
    start = since_of(since) if since else None
    try:
        subject = subject_of(pattern)
    except ValueError as error:
        raise UsageError(str(error)) from None
    _warn_of_nothing(pattern, subject, output)
    found = connection()
    if not found.nats_url:
        raise CliError(f"{found.source} has no NATS URL: set LATCHKEY_NATS_URL and LATCHKEY_NATS_CREDS")
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
    recent: deque[str] = deque(maxlen=_REMEMBERED)  # NATS may deliver an event again after a restart
    try:
        async with subscription as arriving:
            async for event in arriving:
                if event.id in recent:
                    continue
                recent.append(event.id)
                show(event, output)
                shown += 1
                if shown == count:
                    break
    except LatchkeyError as error:
        raise cli_error(error, found) from None


def _warn_of_nothing(pattern: str, subject: str, output: Output) -> None:
    """Warns when the filter matches no known event type. It is no error: a newer server may have more types."""
    names = _event_names()
    if any(overlaps(subject, f"latchkey.v1.{name}.*") for name in names):
        return
    near = get_close_matches(pattern, {*names, *(name.split(".")[0] + ".>" for name in names)}, n=1)
    advice = f": did you mean {near[0]!r}?" if near else ""
    output.warn(f"{pattern!r} matches no event type of this version{advice}")


def _event_names() -> list[str]:
    options = (
        message.GetOptions().Extensions[events_pb2.event]
        for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().HasExtension(events_pb2.event)
    )
    return sorted(option.name for option in options)

"""latchkey events replay|show: read stored events."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from latchkey_sdk import Event
from latchkey_sdk.consumer import Since, starting
from latchkey_sdk.filters import streams_of, subject_of
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.bus import EVENTS, TOKENS, operating, stored
from libs.cli.commands.given import since_of
from libs.cli.connection import Connection
from libs.cli.errors import CliError, UsageError
from libs.cli.event_lines import show
from libs.cli.output import Output, moment, text

_Since = Annotated[
    str, typer.Option(metavar="WHEN", help="Start: a duration ago (90s, 10m, 2h, 3d), a time (ISO 8601), or beginning.")
]
_Filter = Annotated[
    str,
    typer.Option(
        "--filter",
        metavar="FILTER",
        help="Event filter, for example login.>, session.ended or *.revoked; > is all events.",
    ),
]
_CLOCKS_DIFFER = timedelta(minutes=1)


def add_to(app: App) -> None:
    app.answering("replay")(replay)
    app.answering("show")(show_one)


def replay(
    context: typer.Context,
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="Start: a duration ago (90s, 10m, 2h, 3d), a time (ISO 8601), or beginning."),
    ] = "beginning",
    pattern: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="FILTER",
            help="Event filter, for example login.>, session.ended or *.revoked; > is all events.",
        ),
    ] = ">",
) -> None:
    """Show stored events since a time and exit.

    With --json: one CloudEvent per line. Subscribers are not affected.
    """
    try:
        subject = subject_of(pattern)
    except ValueError as error:
        raise UsageError(str(error)) from None
    run(_replay(connection(), subject, since_of(since), Output.of(context)))


def show_one(
    context: typer.Context, event_id: Annotated[str, typer.Argument(metavar="ID", help="ID of the event.")]
) -> None:
    """Show all members of one event."""
    event = run(_find(connection(), _uuid7(event_id)))
    output = Output.of(context)
    output.answer(event.as_dict(), human=lambda: _show(event, output))


async def _replay(found: Connection, subject: str, since: Since, output: Output) -> None:
    async for event in _kept(found, subject, since):
        show(event, output)


async def _kept(found: Connection, subject: str, since: Since) -> AsyncIterator[Event]:
    async with operating(found) as jetstream:
        for stream in streams_of(subject):
            start = starting(since, now=datetime.now(UTC))
            async for message in stored(jetstream, stream, subject=subject, start=start):
                try:
                    yield Event.from_json(message.data)
                except (ValueError, TypeError):
                    continue


async def _find(found: Connection, event_id: uuid.UUID) -> Event:
    """Searches both streams from the time in the event ID (UUIDv7, RFC 9562 section 5.7)."""
    happened = datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)
    start = starting(happened - _CLOCKS_DIFFER, now=happened)
    async with operating(found) as jetstream:
        for stream in (EVENTS, TOKENS):
            async with aclosing(stored(jetstream, stream, start=start)) as messages:
                async for message in messages:
                    if str(event_id).encode() in message.data:
                        event = Event.from_json(message.data)
                        if event.id == str(event_id):
                            return event
    raise CliError(
        f"event {event_id} is not stored (events are kept for 30 days, token telemetry for 72 hours)", code="not_found"
    )


def _uuid7(text: str) -> uuid.UUID:
    try:
        found = uuid.UUID(text)
    except ValueError:
        found = uuid.UUID(int=0)
    if found.version != 7:
        raise UsageError(f"{text!r} is not an event ID")
    return found


def _show(event: Event, output: Output) -> None:
    members = event.as_dict()
    data = members.pop("data")
    output.line(f"{event.name}  {moment(event.time)}\n")
    output.members({name: text(value) for name, value in members.items()})
    output.line("\n  data")
    output.members({f"  {name}": text(value) for name, value in data.items()})

"""latchkey events lag|dlq|redrive|trigger-test: inspect consumers and their dead given_up."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from latchkey.events.v1 import events_pb2
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.bus import EVENTS, TOKENS, operating
from libs.cli.connection import Connection
from libs.cli.dead_letters import DeadLetter, dead_letters, publish_to, redrive
from libs.cli.errors import CliError, UsageError
from libs.cli.output import Output, moment
from libs.crypto.random import uuid7

_OneOrAll = Annotated[
    str | None, typer.Argument(metavar="CONSUMER", show_default=False, help="One consumer. Default: all.")
]
_Consumer = Annotated[str, typer.Argument(metavar="CONSUMER", help="Consumer, from `latchkey events lag`.")]


def add_to(app: App) -> None:
    app.answering("lag")(lag)
    app.answering("dlq")(dlq)
    app.answering("redrive")(redrive_some)
    app.answering("trigger-test")(trigger_test)


def lag(context: typer.Context) -> None:
    """Show how many events each durable consumer has still to read."""
    output = Output.of(context)
    reports = [_as_json(info) for info in run(_consumers(connection()))]
    columns = ("CONSUMER", "READS", "WAITING", "IN HAND", "OFFERED AGAIN", "LAST ACTIVE")
    rows = (
        [
            each["consumer"],
            " ".join(each["filters"]),
            *(str(each[name]) for name in ("waiting", "in_hand", "offered_again")),
            moment(datetime.fromisoformat(each["last_active"])) if each["last_active"] else "never",
        ]
        for each in reports
    )
    output.answer(
        reports,
        human=lambda: output.table(
            columns, rows, empty="No consumers. To create one: latchkey subscriber create -h", whole={0}
        ),
    )


def dlq(context: typer.Context, consumer: _OneOrAll = None) -> None:
    """List dead given_up: events that a consumer rejected or did not acknowledge after all attempts.

    They are kept for 30 days.
    """
    output = Output.of(context)
    reports = [dead_letter.as_json() for dead_letter in run(_dead(connection(), consumer))]
    columns = ("CONSUMER", "EVENT", "TYPE", "GIVEN UP", "ATTEMPTS", "WHY", "REDRIVEN")
    rows = (
        [
            each["consumer"],
            each["event_id"] or "no longer stored",
            each["type"] or "",
            moment(datetime.fromisoformat(each["given_up_at"])),
            str(each["attempts"]),
            "rejected" if each["terminated"] else "attempts exhausted",
            "yes" if each["redriven"] else "no",
        ]
        for each in reports
    )
    output.answer(reports, human=lambda: output.table(columns, rows, empty="None.", whole={0, 1}))


def redrive_some(
    context: typer.Context,
    consumer: _Consumer,
    event_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            show_default=False,
            help="ID of one event, even if it was redriven before. Default: all dead letters that were not.",
        ),
    ] = None,
) -> None:
    """Deliver dead letters again to one subscriber only, after its pending events."""
    done = run(_redrive(connection(), consumer, event_id))
    output = Output.of(context)
    ids = [dead_letter.event.id for dead_letter in done if dead_letter.event]
    output.answer(
        {"consumer": consumer, "redriven": ids},
        human=lambda: output.line(f"{len(ids)} events queued again for {consumer}."),
    )


def trigger_test(
    context: typer.Context,
    consumer: _Consumer,
    event: Annotated[
        str, typer.Option(metavar="EVENT", help="Event type, for example login.succeeded.")
    ] = "login.succeeded",
) -> None:
    """Send a test event, with the attribute `test` true, to one subscriber only."""
    found = connection()
    envelope = _test_event(event, issuer=found.issuer, now=datetime.now(UTC))
    run(_send(found, consumer, envelope))
    output = Output.of(context)
    output.answer(
        envelope, human=lambda: output.line(f"Test event {event} with ID {envelope['id']} queued for {consumer}.")
    )


async def _consumers(found: Connection) -> list[ConsumerInfo]:
    async with operating(found) as jetstream:
        infos = [info for stream in (EVENTS, TOKENS) for info in await _all(jetstream, stream)]
    return sorted((info for info in infos if info.config.durable_name), key=lambda info: info.name)


async def _all(jetstream: JetStreamContext, stream: str) -> list[ConsumerInfo]:
    infos: list[ConsumerInfo] = []
    while page := await jetstream.consumers_info(stream, offset=len(infos)):
        infos += page
    return infos


async def _dead(found: Connection, consumer: str | None) -> list[DeadLetter]:
    async with operating(found) as jetstream:
        return await dead_letters(jetstream, consumer=consumer)


async def _redrive(found: Connection, consumer: str, event_id: str | None) -> list[DeadLetter]:
    async with operating(found) as jetstream:
        given_up = await dead_letters(jetstream, consumer=consumer)
        if event_id is None:
            chosen = [
                dead_letter for dead_letter in given_up if not dead_letter.redriven and dead_letter.body is not None
            ]
        else:
            chosen = [
                dead_letter for dead_letter in given_up if dead_letter.event and dead_letter.event.id == event_id
            ][-1:]
            if not chosen:
                raise CliError(f"{consumer} has no dead letter for event {event_id}", code="not_found")
        for dead_letter in chosen:
            await redrive(jetstream, dead_letter)  # one after the other, to keep their order
    return chosen


async def _send(found: Connection, consumer: str, envelope: dict[str, Any]) -> None:
    async with operating(found) as jetstream:
        await publish_to(jetstream, consumer, json.dumps(envelope).encode(), key=envelope["id"])


def _test_event(name: str, *, issuer: str, now: datetime) -> dict[str, Any]:
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values():
        option = message.GetOptions().Extensions[events_pb2.event]
        if option.name == name:
            texts = [field for field in message.fields if field.type == field.TYPE_STRING]
            data = {
                field.name: [f"test-{field.name}"] if field.is_repeated else f"test-{field.name}" for field in texts
            }
            return {
                "specversion": "1.0",
                "id": uuid7(now),
                "source": issuer,
                "type": f"latchkey.{name}.v1",
                "subject": "test",
                "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "datacontenttype": "application/json",
                "producer": option.producer,
                "actortype": "admin",
                "actorid": "cli",
                "outcome": "success",
                "test": True,
                "data": data,
            }
    raise UsageError(f"there is no event type {name!r}")


def _as_json(info: ConsumerInfo) -> dict[str, Any]:
    active = info.delivered.last_active if info.delivered else None
    return {
        "consumer": info.name,
        "stream": info.stream_name,
        "filters": info.config.filter_subjects or [info.config.filter_subject or ">"],
        "waiting": info.num_pending or 0,
        "in_hand": info.num_ack_pending or 0,
        "offered_again": info.num_redelivered or 0,
        "last_active": active.isoformat(timespec="seconds") if active else None,
    }

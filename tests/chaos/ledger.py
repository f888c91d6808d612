"""Reads the events that services wrote to their outboxes, and the events on the streams."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nats
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig
from sqlalchemy import text

from deploy.provision.topology import SERVICES
from libs.servicekit.sql.database import Database
from libs.servicekit.sql.migrations import schema_of
from tests.support.stack import Stack

STREAMS = ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")


@dataclass(frozen=True)
class Written:
    """A row of an outbox."""

    position: int
    event_id: str
    subject: str
    body: str
    sent: bool


async def written(system: Stack) -> dict[str, list[Written]]:
    """Service -> its events in SQL, in outbox order. Sent events are kept for an hour."""
    query = "SELECT position, event_id, subject, envelope, sent_at IS NOT NULL FROM outbox ORDER BY position"
    rows = {service.name: await ask(system, service.name, query) for service in SERVICES if service.database}
    return {service: [_row(*row) for row in found] for service, found in rows.items()}


def _row(position: int, event_id: str, subject: str, body: str, sent: object) -> Written:
    return Written(position, event_id, subject, body, bool(sent))


async def ask(system: Stack, service: str, query: str) -> Sequence[Any]:
    """Rows from the database of a service."""
    shape = next(shape for shape in SERVICES if shape.name == service)
    database = Database.open(system.layout.database_of(shape), schema=schema_of(service))
    try:
        async with database.snapshot() as session:
            return (await session.execute(text(query))).all()
    finally:
        await database.close()


async def streamed(system: Stack) -> dict[str, list[dict[str, Any]]]:
    """Stream -> all of its events, in stream order."""
    connection = await nats.connect(system.nats_url, user_credentials=system.creds(), inbox_prefix="_INBOX_subscriber")
    try:
        return {stream: await _all(connection.jetstream(), stream) for stream in STREAMS}
    finally:
        await connection.close()


async def _all(jetstream: Any, stream: str) -> list[dict[str, Any]]:
    name = "ledger"
    made = await jetstream.add_consumer(stream, ConsumerConfig(name=name, ack_policy=AckPolicy.NONE, mem_storage=True))
    pull = await jetstream.pull_subscribe_bind(name, stream=stream)
    events: list[dict[str, Any]] = []
    while len(events) < (made.num_pending or 0):
        try:
            events += [json.loads(message.data) for message in await pull.fetch(256, timeout=5)]
        except NatsError as error:
            raise AssertionError(f"{stream} has {made.num_pending} events but delivered {len(events)}") from error
    await jetstream.delete_consumer(stream, name)
    return events


def out_of_order(events: Sequence[dict[str, Any]]) -> list[str]:
    """Ids of events whose sequence number is not greater than that of a preceding event of the same producer and subject."""
    latest: dict[tuple[str, str], int] = defaultdict(int)
    late = []
    for event in events:
        if (number := event.get("subjectseq")) is None:
            continue
        key = (event["producer"], event["subject"])
        if number <= latest[key]:
            late.append(event["id"])
        latest[key] = max(number, latest[key])
    return late

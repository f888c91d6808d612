"""Subscribers outside: a consumer and a NATS user that may read it and nothing else."""

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from latchkey_sdk.consumer import ACK_WAIT_SECONDS, Since, starting
from latchkey_sdk.filters import streams_of, subject_of
from libs.cli.connection import Connection
from libs.cli.errors import CliError, UsageError
from libs.servicekit.nats.bus import REDRIVEN
from libs.servicekit.nats.subscribers import SubscribersKey, inbox_of

MOST_ATTEMPTS = 60
"""With the SDK's pauses between them that is about an hour; then an event is a dead letter."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_STREAMS = ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")


@dataclass(frozen=True)
class Subscriber:
    """What was made. The consumer's name is never given twice, so that old credentials open no new consumer."""

    consumer: str
    pattern: str
    streams: Sequence[str]
    creds: Path


def check(name: str, pattern: str) -> None:
    """Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r}: small letters, digits, - and _ only, at most 40")
    try:
        subject_of(pattern)
    except ValueError as error:
        raise UsageError(str(error)) from None


def key_of(found: Connection) -> SubscribersKey:
    """Raises CliError."""
    if found.subscribers_key is None:
        raise CliError(f"{found.source} does not name the key that makes subscribers: set LATCHKEY_SUBSCRIBERS_KEY")
    try:
        return SubscribersKey.read(found.subscribers_key)
    except (OSError, ValueError) as error:
        raise CliError(f"{found.subscribers_key} is no key that makes subscribers: {error}") from None


async def create(
    jetstream: JetStreamContext, key: SubscribersKey, *, name: str, pattern: str, since: Since, folder: Path
) -> Subscriber:
    """Makes the consumer, the user and its .creds file in `folder`."""
    now = datetime.now(UTC)
    consumer = f"{name}-{secrets.token_hex(4)}"
    subject = subject_of(pattern)
    streams = streams_of(subject)
    for stream in streams:
        await jetstream.add_consumer(
            stream,
            ConsumerConfig(
                name=consumer,
                durable_name=consumer,
                filter_subjects=[subject, *([f"{REDRIVEN}.{consumer}"] if stream == _STREAMS[0] else [])],
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_SECONDS,
                # One at a time: an event that is offered again still comes before the next about the same person.
                max_ack_pending=1,
                max_deliver=MOST_ATTEMPTS,
                **starting(since, now=now),
            ),
        )
    path = folder / f"{consumer}.creds"
    _write_private(path, key.creds(consumer, streams, randomness=os.urandom(32), now=now))
    return Subscriber(consumer, pattern, streams, path)


async def delete(jetstream: JetStreamContext, consumer: str) -> None:
    """Removes the consumer; its credentials are good for nothing then.

    Raises:
        CliError: there is none.
    """
    gone = 0
    for stream in _STREAMS:
        try:
            await jetstream.delete_consumer(stream, consumer)
            gone += 1
        except NotFoundError:
            continue
    if not gone:
        raise CliError(f"there is no subscriber {consumer!r}: latchkey events lag lists them", code="not_found")


def as_json(made: Subscriber, found: Connection) -> dict[str, Any]:
    """All that a stock NATS client needs: `api_prefix` is what its JetStream context is told."""
    return {
        "servers": found.nats_url.split(","),
        "creds_file": str(made.creds),
        "stream": made.streams[0],
        "streams": list(made.streams),
        "consumer": made.consumer,
        "inbox_prefix": inbox_of(made.consumer),
        "api_prefix": "$JS.API",
        "filter": made.pattern,
    }


def program(made: Subscriber, found: Connection) -> str:
    """Ten lines to start with."""
    return f"""\
import asyncio
from latchkey_sdk import subscribe


async def main():
    access = {{"servers": "{found.nats_url}", "creds": "{made.creds}"}}
    async with subscribe("{made.pattern}", durable="{made.consumer}", **access) as events:
        async for event in events:
            print(event.time, event.name, event.subject, event.data, flush=True)

asyncio.run(main())
"""


def _write_private(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)

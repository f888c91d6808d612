"""Event subscribers: a durable consumer and a NATS user that can read only its events."""

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

MAX_ATTEMPTS = 60
"""About one hour with the pauses of the SDK; after that, the event is a dead letter."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_STREAMS = ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")


@dataclass(frozen=True)
class Subscriber:
    """A created subscriber. Consumer names are never reused, so old credentials cannot read a new consumer."""

    consumer: str
    pattern: str
    streams: Sequence[str]
    creds: Path


def check(name: str, pattern: str) -> None:
    """Raises UsageError when the name or the filter is invalid."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is invalid: use at most 40 of a-z, 0-9, - and _")
    try:
        subject_of(pattern)
    except ValueError as error:
        raise UsageError(str(error)) from None


def key_of(found: Connection) -> SubscribersKey:
    """Raises CliError."""
    if found.subscribers_key is None:
        raise CliError(f"{found.source} has no key for subscribers: set LATCHKEY_SUBSCRIBERS_KEY")
    try:
        return SubscribersKey.read(found.subscribers_key)
    except (OSError, ValueError) as error:
        raise CliError(f"{found.subscribers_key} is not a valid key for subscribers: {error}") from None


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
                # One at a time, so that a redelivered event comes before later events about the same user.
                max_ack_pending=1,
                max_deliver=MAX_ATTEMPTS,
                **starting(since, now=now),
            ),
        )
    path = folder / f"{consumer}.creds"
    _write_private(path, key.creds(consumer, streams, randomness=os.urandom(32), now=now))
    return Subscriber(consumer, pattern, streams, path)


async def delete(jetstream: JetStreamContext, consumer: str) -> None:
    """Deletes the consumer; its credentials become useless.

    Raises:
        CliError: there is no such subscriber.
    """
    gone = 0
    for stream in _STREAMS:
        try:
            await jetstream.delete_consumer(stream, consumer)
            gone += 1
        except NotFoundError:
            continue
    if not gone:
        raise CliError(
            f"there is no subscriber {consumer!r}. To list subscribers: latchkey events lag", code="not_found"
        )


def as_json(made: Subscriber, found: Connection) -> dict[str, Any]:
    """The settings of a NATS client; `api_prefix` is for its JetStream context."""
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
    """An example program."""
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

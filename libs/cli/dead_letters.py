"""Dead letters: events that a consumer gave up on, and their redelivery to that consumer.

A dead letter is a NATS advisory with the consumer and the position in the stream. The stream still has the event.
"""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from latchkey_sdk import Event
from libs.cli.bus import DEAD_LETTERS, EVENTS, TOKENS, stored
from libs.cli.errors import CliError
from libs.servicekit.nats.bus import REDRIVEN

_TERMINATED = "MSG_TERMINATED"


@dataclass(frozen=True)
class DeadLetter:
    """An event that one consumer gave up on."""

    position: int
    """Sequence number of the dead letter in LATCHKEY_DLQ."""
    consumer: str
    stream: str
    sequence: int
    given_up_at: datetime
    attempts: int
    terminated: bool
    """True: the consumer rejected the event. False: the delivery attempts are exhausted."""
    body: bytes | None
    """None: the stream no longer stores the event."""
    redriven: bool

    @property
    def event(self) -> Event | None:
        return Event.from_json(self.body) if self.body is not None else None

    def as_json(self) -> dict[str, Any]:
        event = self.event
        return {
            "consumer": self.consumer,
            "event_id": event.id if event else None,
            "type": event.type if event else None,
            "stream": self.stream,
            "sequence": self.sequence,
            "given_up_at": self.given_up_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "attempts": self.attempts,
            "terminated": self.terminated,
            "redriven": self.redriven,
        }


async def dead_letters(jetstream: JetStreamContext, *, consumer: str | None = None) -> list[DeadLetter]:
    """The stored dead letters of one consumer or of all, oldest first."""
    again = {key async for key in _redriven(jetstream)}
    found = []
    async for message in stored(jetstream, DEAD_LETTERS):
        advisory = json.loads(message.data)
        if consumer not in {None, advisory["consumer"]}:
            continue
        position = int(message.metadata.sequence.stream)
        found.append(
            DeadLetter(
                position=position,
                consumer=advisory["consumer"],
                stream=advisory["stream"],
                sequence=advisory["stream_seq"],
                given_up_at=message.metadata.timestamp.astimezone(UTC),
                attempts=advisory.get("deliveries", 1),
                terminated=_TERMINATED in message.subject,
                body=await _body(jetstream, advisory["stream"], advisory["stream_seq"]),
                redriven=_key(advisory["consumer"], position) in again,
            )
        )
    return found


async def redrive(jetstream: JetStreamContext, dead_letter: DeadLetter) -> None:
    """Delivers the event again, to this consumer only, after its pending events."""
    if dead_letter.body is None:
        raise CliError(
            f"the event at {dead_letter.sequence} of {dead_letter.stream} is no longer stored", code="not_found"
        )
    # The last part is unique: the stream drops a message whose ID repeats within ten minutes.
    key = f"{_key(dead_letter.consumer, dead_letter.position)}.{uuid.uuid4().hex}"
    await publish_to(jetstream, dead_letter.consumer, dead_letter.body, key=key)


async def publish_to(jetstream: JetStreamContext, consumer: str, body: bytes, *, key: str) -> None:
    """Publishes an event to one consumer only.

    Raises:
        CliError: the consumer does not exist or was not created with `latchkey subscriber create`.
    """
    subject = f"{REDRIVEN}.{consumer}"
    try:
        made = await jetstream.consumer_info(EVENTS, consumer)
    except NotFoundError:
        raise CliError(f"stream {EVENTS} has no consumer {consumer!r}", code="not_found") from None
    if subject not in (made.config.filter_subjects or ()):
        raise CliError(
            f"{consumer!r} was not created with latchkey subscriber create: restart it from an earlier time instead"
        )
    await jetstream.publish(subject, body, headers={"Nats-Msg-Id": key})


async def _redriven(jetstream: JetStreamContext) -> AsyncIterator[str]:
    async for message in stored(jetstream, EVENTS, subject=f"{REDRIVEN}.*"):
        yield (message.headers or {}).get("Nats-Msg-Id", "").partition(".")[0]


async def _body(jetstream: JetStreamContext, stream: str, sequence: int) -> bytes | None:
    if stream not in {EVENTS, TOKENS}:
        return None
    try:
        return (await jetstream.get_msg(stream, sequence)).data
    except NotFoundError:
        return None


def _key(consumer: str, position: int) -> str:
    return f"redriven-{consumer}-{position}"

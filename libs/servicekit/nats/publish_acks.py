"""Publishing batches to a stream: one inbox receives the acknowledgements of all messages.

The client library uses a future, a timer and a task for every acknowledgement. With thousands of messages per second
that is most of the work; this module needs one dictionary lookup for each.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from nats.aio.client import Client
from nats.aio.msg import Msg


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a stream. The stream drops a second message with the same `event_id`."""

    subject: str
    body: str
    event_id: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Batch:
    missing: int
    complete: asyncio.Future[None]
    failures: dict[str, str]


class PublishAcks:
    """Publishes over one connection. Call `listen` once after connecting; the client restores it on reconnects."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._numbers = count()
        self._pending: dict[str, tuple[_Batch, str]] = {}
        self._prefix = ""

    async def listen(self) -> None:
        inbox = self._client.new_inbox()
        self._prefix = inbox + "."
        await self._client.subscribe(inbox + ".*", cb=self._on_ack)

    async def publish(self, messages: Sequence[Outgoing], *, seconds: float) -> Mapping[str, str]:
        """Publish messages in this order and wait at most `seconds` for the acknowledgements.

        Returns:
            The cause for each message that was not acknowledged, by `event_id`. After a timeout the message may or may
            not be in the stream.

        Raises:
            nats.errors.Error, OSError: the connection failed; any message may or may not be in the stream.
        """
        if not messages:
            return {}
        batch = _Batch(len(messages), asyncio.get_running_loop().create_future(), {})
        numbers = [str(next(self._numbers)) for _ in messages]
        try:
            for number, message in zip(numbers, messages, strict=True):
                self._pending[number] = (batch, message.event_id)
                await self._client.publish(
                    message.subject,
                    message.body.encode(),
                    reply=self._prefix + number,
                    headers={"Nats-Msg-Id": message.event_id, **message.headers},
                )
            await asyncio.wait([batch.complete], timeout=seconds)
        finally:
            for number in numbers:
                if unanswered := self._pending.pop(number, None):
                    batch.failures[unanswered[1]] = "no acknowledgement"
        return batch.failures

    async def _on_ack(self, ack: Msg) -> None:
        found = self._pending.pop(ack.subject.removeprefix(self._prefix), None)
        if found is None:
            return  # it arrived after the timeout
        batch, event_id = found
        cause = _error_of(ack)
        if cause:
            batch.failures[event_id] = cause
        batch.missing -= 1
        if not batch.missing:
            batch.complete.set_result(None)


def _error_of(ack: Msg) -> str:
    """Return why the stream did not store the message; empty if it did. Status 503: no stream has the subject."""
    if ack.headers and ack.headers.get("Status"):
        return f"no stream ({ack.headers['Status']})"
    try:
        error = json.loads(ack.data).get("error")
    except ValueError:
        return "malformed acknowledgement"
    return str(error.get("description", "refused")) if error else ""

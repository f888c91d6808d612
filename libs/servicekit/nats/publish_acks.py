"""What a stream says to each of many messages at once: one inbox for all, and no task for each.

The client library waits for every acknowledgement with a future, a timer and a task of its own. Where thousands are
published in a second that is most of the work; here an acknowledgement is one look into a dictionary.
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
    """A message for a stream. A second one with the same `event_id` is no second event."""

    subject: str
    body: str
    event_id: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Batch:
    missing: int
    heard: asyncio.Future[None]
    refused: dict[str, str]


class Confirmations:
    """Publishes over one connection. `listen` once, as soon as it is connected; reconnects are the client's affair."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._numbers = count()
        self._waiting: dict[str, tuple[_Batch, str]] = {}
        self._prefix = ""

    async def listen(self) -> None:
        inbox = self._client.new_inbox()
        self._prefix = inbox + "."
        await self._client.subscribe(inbox + ".*", cb=self._on_answer)

    async def publish(self, messages: Sequence[Outgoing], *, seconds: float) -> Mapping[str, str]:
        """Publishes in this order and waits for the answers; why not, by `event_id`, for those that the stream has not.

        An answer that has not come after `seconds` leaves it open whether the stream has the message.

        Raises:
            nats.errors.Error, OSError: nothing is known of any of them.
        """
        if not messages:
            return {}
        batch = _Batch(len(messages), asyncio.get_running_loop().create_future(), {})
        numbers = [str(next(self._numbers)) for _ in messages]
        try:
            for number, message in zip(numbers, messages, strict=True):
                self._waiting[number] = (batch, message.event_id)
                await self._client.publish(
                    message.subject,
                    message.body.encode(),
                    reply=self._prefix + number,
                    headers={"Nats-Msg-Id": message.event_id, **message.headers},
                )
            await asyncio.wait([batch.heard], timeout=seconds)
        finally:
            for number in numbers:
                if silent := self._waiting.pop(number, None):
                    batch.refused[silent[1]] = "no answer"
        return batch.refused

    async def _on_answer(self, answer: Msg) -> None:
        found = self._waiting.pop(answer.subject.removeprefix(self._prefix), None)
        if found is None:
            return  # it comes too late: whoever waited has given up
        batch, event_id = found
        why_not = _refusal(answer)
        if why_not:
            batch.refused[event_id] = why_not
        batch.missing -= 1
        if not batch.missing:
            batch.heard.set_result(None)


def _refusal(answer: Msg) -> str:
    """Why the stream did not take it; empty when it did (the answer of JetStream, or 503: nobody listens there)."""
    if answer.headers and answer.headers.get("Status"):
        return f"no stream ({answer.headers['Status']})"
    try:
        error = json.loads(answer.data).get("error")
    except ValueError:
        return "an answer that is none"
    return str(error.get("description", "refused")) if error else ""

"""The JetStream consumer behind a subscription: found, or made at the right place in the stream."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from latchkey_sdk.errors import SubscriptionFailed

ACK_WAIT_SECONDS = 10.0
"""After which an event in the hands of a worker that died is offered again; longer than two heartbeats (pull.py)."""
EPHEMERAL_LIFE_SECONDS = 300.0

Since = datetime | timedelta | int | Literal["beginning"] | None
"""Where a new consumer starts: a moment, so long ago, a stream sequence, all that is kept, or (None) from now on."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A consumer as the subscriber wants it. `name` is its name on the server, durable or not."""

    stream: str
    name: str
    durable: bool
    subject: str
    start: dict[str, Any]

    async def find(self, jetstream: JetStreamContext) -> ConsumerInfo | None:
        """The consumer on the server; None when there is none.

        Raises:
            SubscriptionFailed: the durable consumer exists for other events.
        """
        try:
            present: ConsumerInfo = await jetstream.consumer_info(self.stream, self.name)
        except NotFoundError:
            return None
        filters = {*(present.config.filter_subjects or ()), present.config.filter_subject}
        if (self.subject not in filters and filters != {None}) or present.config.deliver_subject:
            raise SubscriptionFailed(
                f"the durable consumer {self.name!r} already reads {present.config.filter_subject or 'otherwise'}, "
                f"not {self.subject}: choose another name"
            )
        return present

    async def make(self, jetstream: JetStreamContext, *, resume_at: datetime | None) -> ConsumerInfo:
        """Makes the consumer, in place of a lost one from `resume_at` on.

        Places are told by time and not by sequence, because a stream that was lost as well counts from 1 again.

        Raises:
            NotFoundError: the stream does not exist.
        """
        start = starting(resume_at, now=resume_at) if resume_at else self.start
        made: ConsumerInfo = await jetstream.add_consumer(self.stream, self._config(start))
        return made

    def _config(self, start: dict[str, Any]) -> ConsumerConfig:
        return ConsumerConfig(
            name=self.name,
            durable_name=self.name if self.durable else None,
            filter_subject=self.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            # One at a time: an event that is offered again still comes before the next one about the same person.
            max_ack_pending=1,
            inactive_threshold=None if self.durable else EPHEMERAL_LIFE_SECONDS,
            **start,
        )


def idle_since(info: ConsumerInfo) -> datetime:
    """The moment, by the server's clock, after which the consumer may miss something if it is lost now."""
    last = info.delivered.last_active if info.delivered else None
    return last or info.created


def starting(since: Since, *, now: datetime) -> dict[str, Any]:
    """Consumer options for a place in the stream.

    Raises:
        ValueError: a moment without time zone.
    """
    match since:
        case None:
            return {"deliver_policy": DeliverPolicy.NEW}
        case "beginning":
            return {"deliver_policy": DeliverPolicy.ALL}
        case int():
            return {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": max(since, 1)}
        case timedelta():
            return {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": now - since}
        case datetime():
            if since.tzinfo is None:
                raise ValueError("since needs a time zone: datetime.now(UTC) - ...")
            return {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": since}
        case _:
            raise ValueError(f"since={since!r}: a datetime, a timedelta, a sequence number or 'beginning'")

"""The JetStream consumer of a subscription: finds it, or creates it at a position in the stream."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from latchkey_sdk.errors import SubscriptionFailed

ACK_WAIT_SECONDS = 10.0
"""An event without acknowledgement is redelivered after this time; longer than two heartbeats (pull.py)."""
EPHEMERAL_LIFE_SECONDS = 300.0

Since = datetime | timedelta | int | Literal["beginning"] | None
"""Where a new consumer starts: at a time, a duration ago, at a stream sequence, at the first event, or (None) now."""


@dataclass(frozen=True, kw_only=True)
class ConsumerSpec:
    """The requested consumer. `name` is its name on the server, durable or not."""

    stream: str
    name: str
    durable: bool
    subject: str
    start: dict[str, Any]

    async def find(self, jetstream: JetStreamContext) -> ConsumerInfo | None:
        """Return the consumer on the server; None if it does not exist.

        Raises:
            SubscriptionFailed: the durable consumer exists with another filter.
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
        """Create the consumer. `resume_at` is the start of a consumer that replaces a lost one.

        The start is a time and not a sequence, because a stream that was lost as well counts from 1 again.

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
            # One unacknowledged event at a time: a redelivered event comes before the next one about the same subject.
            max_ack_pending=1,
            inactive_threshold=None if self.durable else EPHEMERAL_LIFE_SECONDS,
            **start,
        )


def idle_since(info: ConsumerInfo) -> datetime:
    """Return the time, by the clock of the server, after which events may be missed if the consumer is lost now."""
    last = info.delivered.last_active if info.delivered else None
    return last or info.created


def starting(since: Since, *, now: datetime) -> dict[str, Any]:
    """Return consumer options for a position in the stream.

    Raises:
        ValueError: a time without time zone, or a value of another type.
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
                raise ValueError("since must have a time zone, for example datetime.now(UTC) - ...")
            return {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": since}
        case _:
            raise ValueError(f"since={since!r} must be a datetime, a timedelta, a sequence number or 'beginning'")

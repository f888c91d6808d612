"""The tables of this service. A change needs a migration; a test compares tables and migrations."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from libs.servicekit.events.outbox import add_outbox
from libs.servicekit.sql.database import UtcDateTime

_BIG = BigInteger().with_variant(Integer, "sqlite")
_PENDING = text("due_at IS NOT NULL")


class Row(SQLModel):
    """Base of the rows of this service, with a MetaData of its own."""

    metadata: ClassVar[MetaData] = MetaData()


class FeedRow(Row, table=True):
    """The last stored sequence of a stream, and the replica that has the lease on it."""

    __tablename__ = "feeds"

    stream: str = Field(sa_column=Column(String(40), primary_key=True))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    holder: str = Field(sa_column=Column(String(36), nullable=False))
    held_until: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class EventRow(Row, table=True):
    """An event, stored once. `position` is the order in which events were stored."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_age", "taken_at"),)

    position: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=True))
    event_id: str = Field(sa_column=Column(String(80), nullable=False, unique=True))
    name: str = Field(sa_column=Column(String(80), nullable=False))
    subject: str = Field(sa_column=Column(String(255), nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    test: bool = Field(nullable=False)
    """A test event for one webhook."""
    taken_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class WebhookRow(Row, table=True):
    """A webhook. Its secrets are encrypted."""

    __tablename__ = "webhooks"

    webhook_id: str = Field(sa_column=Column(String(40), primary_key=True))
    url: str = Field(sa_column=Column(String(2048), nullable=False))
    filters: list[str] = Field(sa_column=Column(JSON, nullable=False))
    description: str = Field(sa_column=Column(String(200), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    disabled_reason: str | None = Field(default=None, sa_column=Column(String(16)))
    failing_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    rests_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    sealed_secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    previous_secret_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class DeliveryRow(Row, table=True):
    """The delivery of one event to one webhook. `due_at` is set while it is pending."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "position", name="deliveries_once"),
        CheckConstraint("(state = 'pending') = (due_at IS NOT NULL)", name="deliveries_wait_while_pending"),
        CheckConstraint("state IN ('pending', 'delivered', 'given_up')", name="deliveries_known_state"),
        # For the query of the next delivery: the first one about each subject.
        Index(
            "deliveries_in_order",
            "webhook_id",
            "subject",
            "position",
            postgresql_where=_PENDING,
            sqlite_where=_PENDING,
        ),
        Index("deliveries_due", "webhook_id", "due_at", postgresql_where=_PENDING, sqlite_where=_PENDING),
        Index("deliveries_by_time", "webhook_id", "queued_at"),
        Index("deliveries_by_event", "position"),
    )

    delivery_id: str = Field(sa_column=Column(String(36), primary_key=True))
    webhook_id: str = Field(
        sa_column=Column(String(40), ForeignKey("webhooks.webhook_id", ondelete="CASCADE"), nullable=False)
    )
    position: int = Field(sa_column=Column(_BIG, ForeignKey("events.position"), nullable=False))
    subject: str = Field(sa_column=Column(String(255), nullable=False))
    """Deliveries with the same value are sent in order: the subject of the event, or its id if it is not ordered."""
    state: str = Field(sa_column=Column(String(16), nullable=False))
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    due_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    leased_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    queued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AttemptRow(Row, table=True):
    """One attempt, in the delivery log."""

    __tablename__ = "attempts"
    __table_args__ = (Index("attempts_of_a_delivery", "delivery_id", "attempt_id"),)

    attempt_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=True))
    delivery_id: str = Field(
        sa_column=Column(String(36), ForeignKey("deliveries.delivery_id", ondelete="CASCADE"), nullable=False)
    )
    attempted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    status: int | None = Field(default=None, sa_column=Column(Integer))
    error: str = Field(sa_column=Column(String(40), nullable=False))
    milliseconds: int = Field(sa_column=Column(Integer, nullable=False))
    excerpt: str = Field(sa_column=Column(String(256), nullable=False))


class StreamTicketRow(Row, table=True):
    """A ticket for the event stream. Only a digest of the secret is stored."""

    __tablename__ = "stream_tickets"
    __table_args__ = (Index("stream_tickets_expiry", "expires_at"),)

    ticket_id: str = Field(sa_column=Column(String(40), primary_key=True))
    ticket_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    filters: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


METADATA = Row.metadata
add_outbox(METADATA)
FEEDS = METADATA.tables["feeds"]
EVENTS = METADATA.tables["events"]
WEBHOOKS = METADATA.tables["webhooks"]
DELIVERIES = METADATA.tables["deliveries"]
ATTEMPTS = METADATA.tables["attempts"]
STREAM_TICKETS = METADATA.tables["stream_tickets"]

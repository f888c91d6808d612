"""The tables of this service. A change needs a migration; a test compares tables and migrations."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import JSON, CheckConstraint, Column, Index, Integer, LargeBinary, MetaData, String, text
from sqlmodel import Field, SQLModel

from libs.servicekit.events.outbox import add_outbox
from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.tallies import add_tallies
from services.device.domain.device_codes import State

STATES = tuple(state.value for state in State)
"""pending -> approved -> redeemed, or pending -> denied, or pending or approved -> expired (RFC 8628 3.5)."""
MAX_NAME = 255


class Row(SQLModel):
    """Base of the rows of this service, with a MetaData of its own."""

    metadata: ClassVar[MetaData] = MetaData()


class DeviceCodeRow(Row, table=True):
    """One device authorization (RFC 8628 3.2). Only digests of the device code and the user code are stored."""

    __tablename__ = "device_codes"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="device_codes_known_state"),
        CheckConstraint(
            "state = 'expired' OR (state = 'pending') = (decided_at IS NULL)", name="device_codes_decided_once"
        ),
        CheckConstraint("(state = 'redeemed') = (redeemed_at IS NOT NULL)", name="device_codes_redeemed_once"),
        CheckConstraint(
            "state NOT IN ('approved', 'redeemed')"
            " OR (user_id IS NOT NULL AND session_id IS NOT NULL AND attested_session IS NOT NULL)",
            name="device_codes_approved_by_somebody",
        ),
        # User codes are short, so they are unique only among pending authorizations.
        Index(
            "device_codes_user_code",
            "user_code_hash",
            unique=True,
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
        Index("device_codes_expiry", "expires_at"),
    )

    id: str = Field(sa_column=Column(String(36), primary_key=True))
    device_code_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    user_code_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    client_id: str = Field(sa_column=Column(String(255), nullable=False))
    client_name: str = Field(sa_column=Column(String(MAX_NAME), nullable=False))
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    resources: list[str] | None = Field(default=None, sa_column=Column(JSON))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    interval_seconds: int = Field(sa_column=Column(Integer, nullable=False))
    last_polled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    requested_from: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    user_id: str | None = Field(default=None, sa_column=Column(String(36)))
    session_id: str | None = Field(default=None, sa_column=Column(String(36)))
    attested_session: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """A serialized latchkey.authentication.v1.AttestedSession: the session and its MAC, as received."""
    redeemed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


METADATA = Row.metadata
add_outbox(METADATA)
add_tallies(METADATA)
DEVICE_CODES = METADATA.tables["device_codes"]
TALLIES = METADATA.tables["tallies"]

"""The tables of this service. A change needs a migration; a test compares tables and migrations."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, MetaData, String, Text, text
from sqlmodel import Field, SQLModel

from libs.servicekit.events.outbox import add_outbox
from libs.servicekit.sql.database import UtcDateTime


class Row(SQLModel):
    """Base of the rows of this service, with a MetaData of its own."""

    metadata: ClassVar[MetaData] = MetaData()


def _one_of_each(state: str) -> Index:
    """Return a unique index: one key in this state for each algorithm, whatever the number of replicas."""
    condition = text(f"state = '{state}'")
    return Index(
        f"signing_keys_one_{state}", "issuer", "alg", unique=True, postgresql_where=condition, sqlite_where=condition
    )


class SigningKeyRow(Row, table=True):
    """A signing key. The private key is encrypted, and deleted when the key stops signing. Rows are never deleted."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        _one_of_each("active"),
        _one_of_each("next"),
        CheckConstraint("(state IN ('next', 'active')) = (sealed_private IS NOT NULL)", name="signing_keys_private"),
        CheckConstraint("(sealed_private IS NULL) = (wrapped_data_key IS NULL)", name="signing_keys_envelope"),
        CheckConstraint("state <> 'active' OR activates_at IS NOT NULL", name="signing_keys_activation"),
    )

    kid: str = Field(sa_column=Column(String(64), primary_key=True))
    issuer: str = Field(sa_column=Column(String(255), nullable=False))
    alg: str = Field(sa_column=Column(String(16), nullable=False))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    public_jwk: str = Field(sa_column=Column(Text, nullable=False))
    sealed_private: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    wrapped_data_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    # The default is for rows of older versions, which supported only files.
    kek: str = Field(sa_column=Column(String(16), nullable=False, server_default=text("'file'")))
    kek_version: int = Field(sa_column=Column(Integer, nullable=False))
    seal_version: int = Field(sa_column=Column(Integer, nullable=False))
    published_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    activates_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    retires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    # The default is for rows of older versions, which did not store it: one day, the maximum then.
    signs_for_seconds: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("86400")))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    revocation_reason: str | None = Field(default=None, sa_column=Column(String(16)))


METADATA = Row.metadata
add_outbox(METADATA)
SIGNING_KEYS = METADATA.tables["signing_keys"]

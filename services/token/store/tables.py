"""The token service's schema. Rows are shapes for SQL only; what they mean is in `domain/`."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from libs.servicekit.events.inbox import add_inbox
from libs.servicekit.events.outbox import add_outbox
from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.tallies import add_tallies


class Row(SQLModel, registry=registry()):
    """Own metadata, so that the schemas of two services never mix."""


METADATA = Row.metadata


def _moment(*, nullable: bool = False) -> Any:
    return Column(UtcDateTime, nullable=nullable)


def _digest(*, primary_key: bool = False) -> Any:
    return Column(LargeBinary(32), primary_key=primary_key, nullable=False)


class ClientRow(Row, table=True):
    __tablename__ = "clients"

    client_id: str = Field(sa_column=Column(String(64), primary_key=True))
    metadata_json: dict[str, Any] = Field(sa_column=Column("metadata", JSON, nullable=False))
    secret_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary(128)))
    former_sealed_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary(128)))
    former_secret_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    former_secret_expires_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    created_at: datetime = Field(sa_column=_moment())
    updated_at: datetime = Field(sa_column=_moment())
    registration_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    """Of the registration access token: only a client that registered itself has one."""
    registration_expires_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))

    __table_args__ = (
        Index("clients_by_age", "created_at", "client_id"),
        Index("clients_by_registration_expiry", "registration_expires_at"),
    )


class InitialAccessTokenRow(Row, table=True):
    __tablename__ = "initial_access_tokens"

    token_id: str = Field(sa_column=Column(String(36), primary_key=True))
    token_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    uses_left: int = Field(nullable=False)
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("initial_access_tokens_by_expiry", "expires_at"),)


class PendingRequestRow(Row, table=True):
    __tablename__ = "pending_requests"

    id_hash: bytes = Field(sa_column=_digest(primary_key=True))
    browser_hash: bytes = Field(sa_column=_digest())
    client_id: str = Field(sa_column=Column(String(64), nullable=False))
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    correlation_id: str = Field(sa_column=Column(String(36), nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    consented_by: str | None = Field(default=None, sa_column=Column(String(64)))
    completed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    pushed_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))

    __table_args__ = (Index("pending_requests_by_expiry", "expires_at"),)


class PushedRequestRow(Row, table=True):
    __tablename__ = "pushed_requests"

    id_hash: bytes = Field(sa_column=_digest(primary_key=True))
    client_id: str = Field(sa_column=Column(String(64), nullable=False))
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    completed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))

    __table_args__ = (Index("pushed_requests_by_expiry", "expires_at"),)


class ConsentRow(Row, table=True):
    __tablename__ = "consents"

    user_id: str = Field(sa_column=Column(String(64), primary_key=True))
    client_id: str = Field(sa_column=Column(String(64), primary_key=True))
    scope: str = Field(sa_column=Column(String(4_000), nullable=False))
    granted_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("consents_by_client", "client_id"),)


class ResourceConsentRow(Row, table=True):
    """As a consent, for one resource (RFC 8707). Those for none in particular stay in the other table."""

    __tablename__ = "resource_consents"

    user_id: str = Field(sa_column=Column(String(64), primary_key=True))
    client_id: str = Field(sa_column=Column(String(64), primary_key=True))
    resource: str = Field(sa_column=Column(String(300), primary_key=True))
    scope: str = Field(sa_column=Column(String(4_000), nullable=False))
    granted_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("resource_consents_by_client", "client_id"),)


class GrantRow(Row, table=True):
    __tablename__ = "grants"

    grant_id: str = Field(sa_column=Column(String(36), primary_key=True))
    client_id: str = Field(sa_column=Column(String(64), nullable=False))
    user_id: str = Field(sa_column=Column(String(64), nullable=False))
    session_id: str = Field(sa_column=Column(String(36), nullable=False))
    scope: str = Field(sa_column=Column(String(4_000), nullable=False))
    resources: str = Field(default="", sa_column=Column(String(2_000), nullable=False, server_default=text("''")))
    offline: bool = Field(nullable=False)
    userinfo_claims: str = Field(default="", sa_column=Column(String(1_000), nullable=False, server_default=text("''")))
    id_token_claims: str = Field(default="", sa_column=Column(String(1_000), nullable=False, server_default=text("''")))
    authenticated_at: datetime = Field(sa_column=_moment())
    acr: str = Field(sa_column=Column(String(200), nullable=False))
    amr: str = Field(sa_column=Column(String(200), nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    """Nothing that hangs on the grant lives longer; then the row may go."""
    revoked_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    revoked_reason: str | None = Field(default=None, sa_column=Column(String(40)))

    __table_args__ = (
        Index("grants_by_expiry", "expires_at"),
        Index("grants_by_user", "user_id"),
        Index("grants_by_client", "client_id"),
        Index("grants_by_session", "session_id"),
    )


def _of_grant() -> Any:
    return ForeignKey("grants.grant_id", ondelete="CASCADE")


class CodeRow(Row, table=True):
    __tablename__ = "codes"

    code_hash: bytes = Field(sa_column=_digest(primary_key=True))
    grant_id: str = Field(sa_column=Column(String(36), _of_grant(), nullable=False, index=True))
    redirect_uri: str = Field(sa_column=Column(String(2_000), nullable=False))
    redirect_uri_given: bool = Field(nullable=False)
    code_challenge: str | None = Field(default=None, sa_column=Column(String(43)))
    nonce: str | None = Field(default=None, sa_column=Column(String(1_024)))
    dpop_jkt: str | None = Field(default=None, sa_column=Column(String(43)))
    correlation_id: str = Field(sa_column=Column(String(36), nullable=False))
    expires_at: datetime = Field(sa_column=_moment())
    consumed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class RefreshFamilyRow(Row, table=True):
    __tablename__ = "refresh_families"

    family_id: str = Field(sa_column=Column(String(36), primary_key=True))
    grant_id: str = Field(sa_column=Column(String(36), _of_grant(), nullable=False, index=True))
    latest_hash: bytes = Field(sa_column=_digest())
    generation: int = Field(nullable=False)
    rotated_at: datetime = Field(sa_column=_moment())
    idle_expires_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())
    dpop_jkt: str | None = Field(default=None, sa_column=Column(String(43)))


class RevocationRow(Row, table=True):
    """An access token that ended before its time; a grant that ended says so in its own row."""

    __tablename__ = "revocations"

    token_id: str = Field(sa_column=Column(String(36), primary_key=True))
    expires_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("revocations_by_expiry", "expires_at"),)


class AssertionRow(Row, table=True):
    """An assertion by which a client proved who it is: good once (RFC 7523 3, 7)."""

    __tablename__ = "used_assertions"

    digest: bytes = Field(sa_column=_digest(primary_key=True))
    expires_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("used_assertions_by_expiry", "expires_at"),)


class SessionClientRow(Row, table=True):
    __tablename__ = "session_clients"

    session_id: str = Field(sa_column=Column(String(36), primary_key=True))
    client_id: str = Field(sa_column=Column(String(64), primary_key=True))
    expires_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("session_clients_by_expiry", "expires_at"),)


class LogoutDeliveryRow(Row, table=True):
    __tablename__ = "logout_deliveries"

    delivery_id: str = Field(sa_column=Column(String(36), primary_key=True))
    session_id: str = Field(sa_column=Column(String(36), nullable=False))
    client_id: str = Field(sa_column=Column(String(64), nullable=False))
    user_id: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: datetime = Field(sa_column=_moment())
    due_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    """When the next attempt may begin; nothing once it is settled."""
    attempts: int = Field(nullable=False)
    outcome: str | None = Field(default=None, sa_column=Column(String(20)))
    expires_at: datetime = Field(sa_column=_moment())

    __table_args__ = (
        Index("logout_deliveries_once", "session_id", "client_id", unique=True),
        Index("logout_deliveries_due", "due_at"),
        Index("logout_deliveries_by_expiry", "expires_at"),
    )


class PairwiseSaltRow(Row, table=True):
    """One row, from the first pairwise client on."""

    __tablename__ = "pairwise_salt"

    only: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    fingerprint: bytes = Field(sa_column=_digest())
    kept_since: datetime = Field(sa_column=_moment())


class FormerKeyUseRow(Row, table=True):
    """How often a client's tokens were shown to us after their key had signed its last."""

    __tablename__ = "former_key_uses"

    use: str = Field(sa_column=Column(String(160), primary_key=True))
    client_id: str = Field(sa_column=Column(String(64), nullable=False))
    kid: str = Field(sa_column=Column(String(64), nullable=False))
    presented_as: str = Field(sa_column=Column(String(16), nullable=False))
    count: int = Field(nullable=False)
    first_at: datetime = Field(sa_column=_moment())
    last_at: datetime = Field(sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment())

    __table_args__ = (Index("former_key_uses_by_expiry", "expires_at"),)


add_inbox(METADATA)
add_outbox(METADATA)
add_tallies(METADATA)

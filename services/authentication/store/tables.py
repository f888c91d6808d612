"""The tables of this service. A change here needs a migration; a test compares the two."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from libs.servicekit.events.outbox import add_outbox
from libs.servicekit.sql.database import UtcDateTime
from libs.servicekit.sql.tallies import add_tallies
from services.authentication.domain.accounts.email_addresses import MAX_ADDRESS
from services.authentication.domain.accounts.search import MAX_SEARCH_CHARACTERS
from services.authentication.domain.accounts.usernames import MAX_CHARACTERS, MAX_KEY_CHARACTERS

_LIVE = text("ended_at IS NULL")


class Row(SQLModel):
    """Rows of this service share one MetaData, and not SQLModel's global one."""

    metadata: ClassVar[MetaData] = MetaData()


class UserRow(Row, table=True):
    """A user and their password. Never deleted, so that no id is ever given twice."""

    __tablename__ = "users"
    __table_args__ = (
        Index("users_by_email", "email_key"),
        Index("users_verified_email_key", "verified_email_key", unique=True),
    )

    id: str = Field(sa_column=Column(String(36), primary_key=True))
    username: str = Field(sa_column=Column(String(MAX_CHARACTERS), nullable=False))
    username_key: str = Field(sa_column=Column(String(MAX_KEY_CHARACTERS), nullable=False, unique=True))
    password_hash: str = Field(sa_column=Column(String(255), nullable=False))
    password_version: int = Field(sa_column=Column(Integer, nullable=False))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    claims: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    attributes: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False, server_default=text("'{}'")))
    email_key: str | None = Field(default=None, sa_column=Column(String(2 * MAX_ADDRESS)))
    """Finds an account by its email address. Derived from the claim `email`, and written together with it."""
    verified_email_key: str | None = Field(default=None, sa_column=Column(String(2 * MAX_ADDRESS)))
    """`email_key` of a verified address, which belongs to one account. NULL in accounts that shared one before 0008."""
    search_key: str | None = Field(default=None, sa_column=Column(String(MAX_SEARCH_CHARACTERS)))
    """Words that operators find the user by. Derived from the username and the claims, and written with them."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    profile_updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    has_second_factor: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether there is a row in `factors`; kept with every change there, so that a sign-in reads one row."""
    grants_not_before: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Grants that clients got before this time are refused."""


class SessionRow(Row, table=True):
    """A signed-in browser; of its secret only the SHA-256 is known."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="sessions_ended_with_a_reason"),
        Index("sessions_live_of_user", "user_id", "last_seen_at", postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index("sessions_live_by_use", "last_seen_at", postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index("sessions_live_by_end", "expires_at", postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index("sessions_ended", "ended_at"),
    )

    id: str = Field(sa_column=Column(String(36), primary_key=True))
    secret_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    user_id: str = Field(sa_column=Column(String(36), ForeignKey("users.id"), nullable=False))
    authenticated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    acr: str = Field(sa_column=Column(String(64), nullable=False))
    amr: list[str] = Field(sa_column=Column(JSON, nullable=False))
    ip_prefix: str = Field(sa_column=Column(String(64), nullable=False))
    device: str = Field(default="", sa_column=Column(String(64), nullable=False, server_default=text("''")))
    """System and browser in two words; the header that said so is not kept."""
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    end_reason: str | None = Field(default=None, sa_column=Column(String(32)))


class SignInFailureRow(Row, table=True):
    """How often sign-ins have failed for a name from a network, from a network, and over all."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("sign_in_failures_by_age", "last_at"),)

    key: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    counted: int = Field(sa_column=Column(Integer, nullable=False))


class EmailRow(Row, table=True):
    """A queued email; after it is settled, only its outcome."""

    __tablename__ = "letters"
    __table_args__ = (Index("letters_due", "due_at"), Index("letters_by_expiry", "expires_at"))

    letter_id: str = Field(sa_column=Column(String(36), primary_key=True))
    kind: str = Field(sa_column=Column(String(32), nullable=False))
    user_id: str = Field(sa_column=Column(String(36), nullable=False))
    address: str = Field(sa_column=Column(String(MAX_ADDRESS), nullable=False))
    locale: str = Field(sa_column=Column(String(35), nullable=False))
    words: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    posted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    due_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When the next attempt may begin; nothing once it is settled."""
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    outcome: str | None = Field(default=None, sa_column=Column(String(16)))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class MailedLinkRow(Row, table=True):
    """What the link in an email opens; of its secret only the SHA-256 is known."""

    __tablename__ = "mailed_links"
    __table_args__ = (Index("mailed_links_of_user", "user_id"), Index("mailed_links_by_expiry", "expires_at"))

    link_id: str = Field(sa_column=Column(String(36), primary_key=True))
    secret_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), unique=True))
    """Nothing until its email is sent for the first time."""
    purpose: str = Field(sa_column=Column(String(32), nullable=False))
    user_id: str = Field(sa_column=Column(String(36), nullable=False))
    address: str = Field(sa_column=Column(String(MAX_ADDRESS), nullable=False))
    password_version: int | None = Field(default=None, sa_column=Column(Integer))
    details: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class FactorRow(Row, table=True):
    """Something that a user proves who they are with, beside the password."""

    __tablename__ = "factors"
    __table_args__ = (
        CheckConstraint("(kind = 'totp') = (totp_secret IS NOT NULL)", name="factors_totp_have_a_secret"),
        CheckConstraint("(kind = 'totp') = (totp_step IS NOT NULL)", name="factors_totp_have_a_step"),
        Index("factors_of_user", "user_id"),
    )

    id: str = Field(sa_column=Column(String(36), primary_key=True))
    user_id: str = Field(sa_column=Column(String(36), ForeignKey("users.id"), nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    name: str = Field(sa_column=Column(String(120), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    totp_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary(128)))
    """Sealed, and bound to the user."""
    totp_step: int | None = Field(default=None, sa_column=Column(BigInteger))


class PasskeyRow(Row, table=True):
    """What is known of a passkey beside what is known of every factor."""

    __tablename__ = "passkeys"

    factor_id: str = Field(sa_column=Column(String(36), ForeignKey("factors.id"), primary_key=True))
    user_id: str = Field(sa_column=Column(String(36), ForeignKey("users.id"), nullable=False, index=True))
    credential_id: bytes = Field(sa_column=Column(LargeBinary(1023), nullable=False, unique=True))
    public_key: bytes = Field(sa_column=Column(LargeBinary(2048), nullable=False))
    sign_count: int = Field(sa_column=Column(BigInteger, nullable=False))
    backup_eligible: bool = Field(sa_column=Column(Boolean, nullable=False))
    backed_up: bool = Field(sa_column=Column(Boolean, nullable=False))
    transports: list[str] = Field(sa_column=Column(JSON, nullable=False))


class UsedChallengeRow(Row, table=True):
    """A challenge that a passkey has answered, until it expires: by its digest."""

    __tablename__ = "used_challenges"
    __table_args__ = (Index("used_challenges_by_expiry", "expires_at"),)

    challenge_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class TotpEnrolmentRow(Row, table=True):
    """An authenticator app that is being set up; one for each user."""

    __tablename__ = "totp_enrolments"
    __table_args__ = (Index("totp_enrolments_by_expiry", "expires_at"),)

    user_id: str = Field(sa_column=Column(String(36), ForeignKey("users.id"), primary_key=True))
    session_id: str = Field(sa_column=Column(String(36), nullable=False))
    sealed_secret: bytes = Field(sa_column=Column(LargeBinary(128), nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class SignInAttemptRow(Row, table=True):
    """A sign-in between its two steps."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("sign_in_attempts_of_user", "user_id", "expires_at"),
        Index("sign_in_attempts_by_expiry", "expires_at"),
    )

    secret_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    user_id: str = Field(sa_column=Column(String(36), ForeignKey("users.id"), nullable=False))
    password_version: int = Field(sa_column=Column(Integer, nullable=False))
    session_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    amr: list[str] = Field(sa_column=Column(JSON, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    completed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class RecoveryCodeRow(Row, table=True):
    """A code that stands in for a lost factor, once; known by a keyed digest."""

    __tablename__ = "recovery_codes"

    user_id: str = Field(sa_column=Column(String(36), ForeignKey("users.id"), primary_key=True))
    code_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


METADATA = Row.metadata
add_outbox(METADATA)
add_tallies(METADATA)
USERS = METADATA.tables["users"]
SESSIONS = METADATA.tables["sessions"]
FAILURES = METADATA.tables["sign_in_failures"]
EMAILS = METADATA.tables["letters"]
LINKS = METADATA.tables["mailed_links"]
FACTORS = METADATA.tables["factors"]
PASSKEYS = METADATA.tables["passkeys"]
USED_CHALLENGES = METADATA.tables["used_challenges"]
TOTP_ENROLMENTS = METADATA.tables["totp_enrolments"]
ATTEMPTS = METADATA.tables["sign_in_attempts"]
RECOVERY_CODES = METADATA.tables["recovery_codes"]

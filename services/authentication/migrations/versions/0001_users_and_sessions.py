"""Users, sessions and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LIVE = sa.text("ended_at IS NULL")
_UNSENT = sa.text("sent_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("username", sa.String(128), nullable=False),
        sa.Column("username_key", sa.String(512), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("password_version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claims", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("profile_updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acr", sa.String(64), nullable=False),
        sa.Column("amr", sa.JSON, nullable=False),
        sa.Column("ip_prefix", sa.String(64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("end_reason", sa.String(32)),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="sessions_ended_with_a_reason"),
    )
    for name, columns in (
        ("sessions_live_of_user", ["user_id", "last_seen_at"]),
        ("sessions_live_by_use", ["last_seen_at"]),
        ("sessions_live_by_end", ["expires_at"]),
    ):
        op.create_index(name, "sessions", columns, postgresql_where=_LIVE, sqlite_where=_LIVE)
    op.create_index("sessions_ended", "sessions", ["ended_at"])
    _create_outbox()


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("event_id", sa.String(36), nullable=False, unique=True),
        sa.Column("shard", sa.SmallInteger, nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("nats_subject", sa.String(120), nullable=False),
        sa.Column("envelope", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
    )
    op.create_index("outbox_unsent", "outbox", ["shard", "position"], postgresql_where=_UNSENT, sqlite_where=_UNSENT)
    op.create_index("outbox_sent", "outbox", ["sent_at"])
    op.create_table(
        "outbox_subjects",
        sa.Column("subject", sa.String(255), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    for table in ("outbox_subjects", "outbox", "sessions", "users"):
        op.drop_table(table)

"""Device codes and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")
_UNSENT = sa.text("sent_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "device_codes",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("device_code_hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("user_code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("client_name", sa.String(255), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("interval_seconds", sa.Integer, nullable=False),
        sa.Column("last_polled_at", sa.DateTime(timezone=True)),
        sa.Column("requested_from", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("user_id", sa.String(36)),
        sa.Column("session_id", sa.String(36)),
        sa.Column("attested_session", sa.LargeBinary),
        sa.Column("redeemed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'denied', 'redeemed', 'expired')", name="device_codes_known_state"
        ),
        sa.CheckConstraint(
            "state = 'expired' OR (state = 'pending') = (decided_at IS NULL)", name="device_codes_decided_once"
        ),
        sa.CheckConstraint("(state = 'redeemed') = (redeemed_at IS NOT NULL)", name="device_codes_redeemed_once"),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'redeemed')"
            " OR (user_id IS NOT NULL AND session_id IS NOT NULL AND attested_session IS NOT NULL)",
            name="device_codes_approved_by_somebody",
        ),
    )
    op.create_index(
        "device_codes_user_code",
        "device_codes",
        ["user_code_hash"],
        unique=True,
        postgresql_where=_PENDING,
        sqlite_where=_PENDING,
    )
    op.create_index("device_codes_expiry", "device_codes", ["expires_at"])
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
    for table in ("outbox_subjects", "outbox", "device_codes"):
        op.drop_table(table)

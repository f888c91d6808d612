"""Signing keys and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_UNSENT = sa.text("sent_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(64), primary_key=True),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("alg", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("public_jwk", sa.Text, nullable=False),
        sa.Column("sealed_private", sa.LargeBinary),
        sa.Column("wrapped_data_key", sa.LargeBinary),
        sa.Column("kek_version", sa.Integer, nullable=False),
        sa.Column("seal_version", sa.Integer, nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activates_at", sa.DateTime(timezone=True)),
        sa.Column("retires_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("(state IN ('next', 'active')) = (sealed_private IS NOT NULL)", name="signing_keys_private"),
        sa.CheckConstraint("(sealed_private IS NULL) = (wrapped_data_key IS NULL)", name="signing_keys_envelope"),
        sa.CheckConstraint("state <> 'active' OR activates_at IS NOT NULL", name="signing_keys_activation"),
    )
    for state in ("active", "next"):
        condition = sa.text(f"state = '{state}'")
        op.create_index(
            f"signing_keys_one_{state}",
            "signing_keys",
            ["issuer", "alg"],
            unique=True,
            postgresql_where=condition,
            sqlite_where=condition,
        )
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
    for table in ("outbox_subjects", "outbox", "signing_keys"):
        op.drop_table(table)

"""Clients that register themselves (RFC 7591), the tokens that let them, and how often something happens."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.add_column(sa.Column("registration_hash", sa.LargeBinary(32), nullable=True))
        batch_op.add_column(sa.Column("registration_expires_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("clients_by_registration_expiry", ["registration_expires_at"])
    op.create_table(
        "initial_access_tokens",
        sa.Column("token_id", sa.String(36), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_id"),
    )
    op.create_index("initial_access_tokens_by_expiry", "initial_access_tokens", ["expires_at"])
    op.create_table(
        "tallies",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("tallies_by_age", "tallies", ["began_at"])


def downgrade() -> None:
    op.drop_table("tallies")
    op.drop_table("initial_access_tokens")
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_index("clients_by_registration_expiry")
        batch_op.drop_column("registration_expires_at")
        batch_op.drop_column("registration_hash")

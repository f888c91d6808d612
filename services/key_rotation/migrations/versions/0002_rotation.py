"""Keys that rotate: what they sign lives for how long, and why one was revoked."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("signing_keys") as batch:
        batch.add_column(sa.Column("signs_for_seconds", sa.Integer, nullable=False, server_default=sa.text("86400")))
        batch.add_column(sa.Column("revoked_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("revocation_reason", sa.String(16)))


def downgrade() -> None:
    with op.batch_alter_table("signing_keys") as batch:
        for column in ("revocation_reason", "revoked_at", "signs_for_seconds"):
            batch.drop_column(column)

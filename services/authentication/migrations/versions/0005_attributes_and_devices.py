"""Attributes beyond the standard claims, and what kind of device a session is on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("attributes", sa.JSON, nullable=False, server_default=sa.text("'{}'")))
    with op.batch_alter_table("sessions") as batch:
        batch.add_column(sa.Column("device", sa.String(64), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    with op.batch_alter_table("sessions") as batch:
        batch.drop_column("device")
    with op.batch_alter_table("users") as batch:
        batch.drop_column("attributes")

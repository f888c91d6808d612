"""Authorization requests that clients push (RFC 9126), and which stored request came from which."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "pushed_requests",
        sa.Column("id_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id_hash"),
    )
    op.create_index("pushed_requests_by_expiry", "pushed_requests", ["expires_at"])
    with op.batch_alter_table("pending_requests", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pushed_hash", sa.LargeBinary(32), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("pending_requests", schema=None) as batch_op:
        batch_op.drop_column("pushed_hash")
    op.drop_table("pushed_requests")

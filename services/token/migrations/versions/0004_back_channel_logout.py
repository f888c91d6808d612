"""Which clients a session has signed in, whom to tell of its end, and which facts were handled."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index("grants_by_session", ["session_id"], unique=False)
    op.create_table(
        "session_clients",
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "client_id"),
    )
    op.create_index("session_clients_by_expiry", "session_clients", ["expires_at"], unique=False)
    op.create_table(
        "logout_deliveries",
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index("logout_deliveries_once", "logout_deliveries", ["session_id", "client_id"], unique=True)
    op.create_index("logout_deliveries_due", "logout_deliveries", ["due_at"], unique=False)
    op.create_index("logout_deliveries_by_expiry", "logout_deliveries", ["expires_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_index("inbox_by_age", "inbox", ["handled_at"], unique=False)


def downgrade() -> None:
    op.drop_table("inbox")
    op.drop_table("logout_deliveries")
    op.drop_table("session_clients")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index("grants_by_session")

"""How often sign-ins have failed: who guesses has to wait."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Integer, nullable=False),
    )
    op.create_index("sign_in_failures_by_age", "sign_in_failures", ["last_at"])


def downgrade() -> None:
    op.drop_table("sign_in_failures")

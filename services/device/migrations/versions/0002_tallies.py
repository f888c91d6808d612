"""How often something happened: the limits of requests and of wrong user codes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("key", sa.String(300), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Integer, nullable=False),
    )
    op.create_index("tallies_by_age", "tallies", ["began_at"])


def downgrade() -> None:
    op.drop_table("tallies")

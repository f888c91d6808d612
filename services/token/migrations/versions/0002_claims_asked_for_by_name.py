"""Claims that a grant holds because they were asked for by name."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        for name in ("userinfo_claims", "id_token_claims"):
            batch_op.add_column(sa.Column(name, sa.String(1000), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_column("id_token_claims")
        batch_op.drop_column("userinfo_claims")

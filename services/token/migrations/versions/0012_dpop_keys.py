"""Codes and refresh tokens that are bound to a DPoP key."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("codes", sa.Column("dpop_jkt", sa.String(43), nullable=True))
    op.add_column("refresh_families", sa.Column("dpop_jkt", sa.String(43), nullable=True))


def downgrade() -> None:
    op.drop_column("refresh_families", "dpop_jkt")
    op.drop_column("codes", "dpop_jkt")

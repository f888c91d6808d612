"""Secrets that clients sign with (client_secret_jwt), encrypted: a digest verifies no signature."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("clients") as clients:
        clients.add_column(sa.Column("sealed_secret", sa.LargeBinary(128), nullable=True))
        clients.add_column(sa.Column("former_sealed_secret", sa.LargeBinary(128), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("clients") as clients:
        clients.drop_column("former_sealed_secret")
        clients.drop_column("sealed_secret")

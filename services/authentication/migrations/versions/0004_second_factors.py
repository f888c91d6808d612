"""Second factors, recovery codes, and sign-ins between their two steps."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("has_second_factor", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "factors",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("totp_secret", sa.LargeBinary(128)),
        sa.Column("totp_step", sa.BigInteger),
        sa.CheckConstraint("(kind = 'totp') = (totp_secret IS NOT NULL)", name="factors_totp_have_a_secret"),
        sa.CheckConstraint("(kind = 'totp') = (totp_step IS NOT NULL)", name="factors_totp_have_a_step"),
    )
    op.create_index("factors_of_user", "factors", ["user_id"])
    op.create_table(
        "totp_enrolments",
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("totp_enrolments_by_expiry", "totp_enrolments", ["expires_at"])
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
    )
    _create_attempts()


def _create_attempts() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column("secret_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("password_version", sa.Integer, nullable=False),
        sa.Column("session_hash", sa.LargeBinary(32)),
        sa.Column("amr", sa.JSON, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("sign_in_attempts_of_user", "sign_in_attempts", ["user_id", "expires_at"])
    op.create_index("sign_in_attempts_by_expiry", "sign_in_attempts", ["expires_at"])


def downgrade() -> None:
    for table in ("sign_in_attempts", "recovery_codes", "totp_enrolments", "factors"):
        op.drop_table(table)
    with op.batch_alter_table("users") as batch:
        batch.drop_column("has_second_factor")

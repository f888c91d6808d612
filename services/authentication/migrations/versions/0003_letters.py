"""Letters to people, and what the links in them open."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("email_key", sa.String(508)))
    op.create_index("users_by_email", "users", ["email_key"])
    _fill_email_keys()
    op.create_table(
        "letters",
        sa.Column("letter_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("words", sa.JSON, nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("letters_due", "letters", ["due_at"])
    op.create_index("letters_by_expiry", "letters", ["expires_at"])
    _create_mailed_links()
    op.create_table(
        "tallies",
        sa.Column("key", sa.String(300), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Integer, nullable=False),
    )
    op.create_index("tallies_by_age", "tallies", ["began_at"])


def _create_mailed_links() -> None:
    op.create_table(
        "mailed_links",
        sa.Column("link_id", sa.String(36), primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary(32), unique=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("password_version", sa.Integer),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
    )
    op.create_index("mailed_links_of_user", "mailed_links", ["user_id"])
    op.create_index("mailed_links_by_expiry", "mailed_links", ["expires_at"])


def _fill_email_keys() -> None:
    """As domain/addresses.py makes them; code that still runs writes none, and its people are found by their name."""
    users = sa.table(
        "users", sa.column("id", sa.String), sa.column("claims", sa.JSON), sa.column("email_key", sa.String)
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(users.c.id, users.c.claims)).all():
        email = (row.claims or {}).get("email")
        if email:
            folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold()).strip()
            connection.execute(sa.update(users).where(users.c.id == row.id).values(email_key=folded))


def downgrade() -> None:
    for table in ("tallies", "mailed_links", "letters"):
        op.drop_table(table)
    op.drop_index("users_by_email", "users")
    with op.batch_alter_table("users") as users:
        users.drop_column("email_key")

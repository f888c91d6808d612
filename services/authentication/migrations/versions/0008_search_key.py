"""Words that operators find users by: each word of the username, the address and the names, after a space."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 1_000
_MAX_CHARACTERS = 2_000
_NAMES = ("name", "given_name", "family_name", "nickname")
_USERS = sa.table(
    "users", sa.column("id"), sa.column("username"), sa.column("claims", sa.JSON), sa.column("search_key")
)


def upgrade() -> None:
    op.add_column("users", sa.Column("search_key", sa.String(_MAX_CHARACTERS), nullable=True))
    connection, last = op.get_bind(), ""
    while rows := connection.execute(
        sa.select(_USERS.c.id, _USERS.c.username, _USERS.c.claims)
        .where(_USERS.c.id > last)
        .order_by(_USERS.c.id)
        .limit(_BATCH)
    ).all():
        last = rows[-1].id
        connection.execute(
            sa.update(_USERS).where(_USERS.c.id == sa.bindparam("of_user")).values(search_key=sa.bindparam("words")),
            [{"of_user": row.id, "words": _search_key(row.username, row.claims or {})} for row in rows],
        )


def downgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.drop_column("search_key")


def _search_key(username: str, claims: Mapping[str, Any]) -> str:
    words: dict[str, None] = {}
    for text in (username, claims.get("email"), *(claims.get(name) for name in _NAMES)):
        for whole in _folded(text or "").split():
            words |= dict.fromkeys((whole, *whole.split("@"), *re.findall(r"[^\W_]+", whole)))
    return "".join(f" {word}" for word in words)[:_MAX_CHARACTERS]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())

"""A verified email address belongs to one account; domains are stored as emails are sent to them (UTS 46)."""

import unicodedata
from collections.abc import Mapping
from typing import Any

import idna
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BATCH = 1_000
_MAX_ADDRESS = 254
_USERS = sa.table(
    "users",
    *(sa.column(name) for name in ("id", "username", "username_key", "email_key", "verified_email_key")),
    sa.column("claims", sa.JSON),
)


def upgrade() -> None:
    op.add_column("users", sa.Column("verified_email_key", sa.String(2 * _MAX_ADDRESS), nullable=True))
    connection, last, taken = op.get_bind(), "", set[str]()
    while rows := connection.execute(
        sa.select(_USERS).where(_USERS.c.id > last).order_by(_USERS.c.id).limit(_BATCH)
    ).all():
        last = rows[-1].id
        for row in rows:
            if values := _changed(connection, row, taken):
                connection.execute(sa.update(_USERS).where(_USERS.c.id == row.id).values(values))
    op.create_index("users_verified_email_key", "users", ["verified_email_key"], unique=True)


def downgrade() -> None:
    op.drop_index("users_verified_email_key", "users")
    with op.batch_alter_table("users") as users:
        users.drop_column("verified_email_key")


def _changed(connection: sa.Connection, row: Any, taken: set[str]) -> Mapping[str, Any]:
    """The new values. Of accounts that share a verified address, the oldest one gets it; the others stay."""
    values: dict[str, Any] = {}
    claims = dict(row.claims or {})
    email, verified = claims.get("email"), claims.get("email_verified")
    if email and not email.isascii():
        # The former version sent emails to the domain of IDNA 2003, so that mailbox is the verified one.
        claims["email"] = email = (_sent_before(email) if verified else _sent_now(email)) or email
        values |= {"claims": claims, "email_key": _key(email)}
    if email and verified and (key := _key(email)) and key not in taken:
        taken.add(key)
        values["verified_email_key"] = key
    if "@" in row.username and not row.username.isascii():
        name = _key(row.username)
        others = sa.select(_USERS.c.id).where(_USERS.c.username_key == name, _USERS.c.id != row.id)
        if name and connection.execute(others).first() is None:
            values["username_key"] = name
    return values


def _sent_before(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None


def _sent_now(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    ascii_domain = _ascii(domain)
    return f"{local}@{ascii_domain}" if ascii_domain else None


def _key(address: str) -> str:
    local, _, domain = unicodedata.normalize("NFKC", address).strip().rpartition("@")
    return f"{_folded(local)}@{_ascii(domain) or _folded(domain)}"


def _ascii(domain: str) -> str | None:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        return None


def _folded(text: str) -> str:
    folded = text
    for _ in range(2):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    return folded

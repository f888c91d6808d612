"""What there is about a user beside their account, for themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Table, select

from libs.servicekit.sql.session import SqlSession
from services.authentication.store.tables import EMAILS, FACTORS, LINKS, PASSKEYS, RECOVERY_CODES, SESSIONS

EXPORTED: Final[Mapping[Table, Sequence[str]]] = {
    SESSIONS: (
        "id",
        "authenticated_at",
        "last_seen_at",
        "expires_at",
        "acr",
        "amr",
        "ip_prefix",
        "device",
        "ended_at",
        "end_reason",
    ),
    FACTORS: ("kind", "name", "created_at", "last_used_at"),
    PASSKEYS: ("sign_count", "backup_eligible", "backed_up", "transports"),
    RECOVERY_CODES: ("created_at", "used_at"),
    EMAILS: ("kind", "address", "locale", "posted_at", "outcome"),
    LINKS: ("purpose", "address", "created_at", "expires_at", "used_at"),
}
"""Columns that hold no secret and no digest of one."""
NOT_EXPORTED: Final[Mapping[str, str]] = {
    "totp_enrolments": "a secret, for a few minutes",
    "sign_in_attempts": "a digest of a secret, for a few minutes",
}
_MAX_ROWS = 1_000


class Exports:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        return {table.name: await self._rows(table, names, user_id) for table, names in EXPORTED.items()}

    async def _rows(self, table: Table, names: Sequence[str], user_id: str) -> list[dict[str, object]]:
        query = select(*(table.c[name] for name in names)).where(table.c.user_id == user_id).limit(_MAX_ROWS)
        rows = (await self._session.execute(query)).mappings().all()
        return [{name: _plain(value) for name, value in row.items() if value is not None} for row in rows]


def _plain(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value

"""Exports the stored data of a user."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table, select

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from services.token.store.tables import ConsentRow, GrantRow, LogoutDeliveryRow, ResourceConsentRow

EXPORTED: Final[Mapping[Any, Sequence[str]]] = {
    ConsentRow: ("client_id", "scope", "granted_at"),
    ResourceConsentRow: ("client_id", "resource", "scope", "granted_at"),
    GrantRow: (
        *("grant_id", "client_id", "session_id", "scope", "resources", "offline", "authenticated_at", "acr", "amr"),
        *("created_at", "expires_at", "revoked_at", "revoked_reason"),
    ),
    LogoutDeliveryRow: ("client_id", "session_id", "created_at", "outcome"),
}
"""Columns that hold no secret and no digest of one. Codes and refresh tokens, which are digests, hang on the grants."""
_MOST = 2_000


class Exports:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        tables = {table_of(row): names for row, names in EXPORTED.items()}
        return {table.name: await self._rows(table, names, user_id) for table, names in tables.items()}

    async def _rows(self, table: Table, names: Sequence[str], user_id: str) -> list[dict[str, object]]:
        query = select(*(table.c[name] for name in names)).where(table.c.user_id == user_id).limit(_MOST)
        rows = (await self._session.execute(query)).mappings().all()
        return [{name: _plain(value) for name, value in row.items() if value is not None} for row in rows]


def _plain(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value

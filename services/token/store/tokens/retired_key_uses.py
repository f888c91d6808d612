"""Uses of retired keys: all replicas add to the same rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.token.domain.tokens.retired_keys import KEPT_FOR, PresentedAs, RetiredKeyUse
from services.token.store.tables import FormerKeyUseRow

BATCH = 500
_table = table_of(FormerKeyUseRow)
_t = _table.c


class RetiredKeyUses:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, uses: Sequence[RetiredKeyUse]) -> None:
        """In the order of their keys: replicas that add at once wait for each other, and never both."""
        rows = sorted(map(_values, uses), key=lambda row: str(row["use"]))
        for start in range(0, len(rows), BATCH):
            await self._session.execute(self._upsert(rows[start : start + BATCH]))

    def _upsert(self, rows: Sequence[dict[str, Any]]) -> Any:
        is_postgresql = self._session.is_postgresql
        statement: Any = upsert(self._session, _table).values(rows)
        new = statement.excluded
        latest = func.greatest if is_postgresql else func.max
        return statement.on_conflict_do_update(
            index_elements=["use"],
            set_={
                "count": _t.count + new.count,
                "last_at": latest(_t.last_at, new.last_at),
                "expires_at": latest(_t.expires_at, new.expires_at),
            },
        )

    async def latest(self, *, limit: int) -> Sequence[RetiredKeyUse]:
        """Most recent first."""
        query = select(_t.client_id, _t.kid, _t.presented_as, _t.count, _t.first_at, _t.last_at)
        rows = await self._session.execute(query.order_by(_t.last_at.desc(), _t.use).limit(limit))
        return [
            RetiredKeyUse(**{**row, "presented_as": PresentedAs(row["presented_as"])}) for row in rows.mappings().all()
        ]


def _values(use: RetiredKeyUse) -> dict[str, Any]:
    return {
        "use": f"{use.kid} {use.presented_as} {use.client_id}",
        "client_id": use.client_id,
        "kid": use.kid,
        "presented_as": use.presented_as.value,
        "count": use.count,
        "first_at": use.first_at,
        "last_at": use.last_at,
        "expires_at": use.last_at + KEPT_FOR,
    }

"""Failed sign-ins, counted in SQL: all replicas share them, and a restart does not begin them anew."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, select

from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.authentication.domain.sign_in.throttle import WINDOW, Failures
from services.authentication.store.tables import FAILURES as F


class SignInFailures:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def under(self, keys: Collection[bytes]) -> Mapping[bytes, Failures]:
        rows = await self._session.execute(select(F).where(F.c.key.in_(keys)))
        return {row.key: Failures(row.counted, row.last_at) for row in rows}

    async def count(self, keys: Collection[bytes], *, now: datetime) -> None:
        """One statement. The rows are locked in the order of their keys until the transaction ends."""
        statement: Any = upsert(self._session, F).values(
            [{"key": key, "last_at": now, "counted": 1} for key in sorted(keys)]
        )
        is_over = F.c.last_at <= now - WINDOW
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["key"],
                set_={"counted": case((is_over, 1), else_=F.c.counted + 1), "last_at": now},
            )
        )

    async def forgive(self, key: bytes) -> None:
        await self._session.execute(delete(F).where(F.c.key == key))

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` counts whose last failure was before then; how many it was."""
        old = select(F.c.key).where(F.c.last_at < before).order_by(F.c.last_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(F).where(F.c.key.in_(select(chosen.c.key))).returning(F.c.key)
        return len((await self._session.execute(statement)).all())

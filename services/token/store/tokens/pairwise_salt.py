"""Which salt pairwise subjects are made with, as a fingerprint in SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.token.store.tables import PairwiseSaltRow

_t = table_of(PairwiseSaltRow).c
_ONLY = 1


class PairwiseSalt:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self) -> bytes | None:
        return (await self._session.execute(select(_t.fingerprint).where(_t.only == _ONLY))).scalar()

    async def keep(self, fingerprint: bytes, *, now: datetime) -> bytes:
        """The fingerprint that counts from now on: the first one ever."""
        first: Any = (
            upsert(self._session, PairwiseSaltRow)
            .values(only=_ONLY, fingerprint=fingerprint, kept_since=now)
            .on_conflict_do_update(index_elements=["only"], set_={"only": _ONLY})
            .returning(_t.fingerprint)
        )
        return bytes((await self._session.execute(first)).scalar_one())

"""Client assertions that were used, until they would have expired, in SQL."""

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.token.domain.clients.client_assertions import UsedAssertion
from services.token.store.tables import AssertionRow

_t = table_of(AssertionRow).c


class Assertions:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def use(self, assertion: UsedAssertion) -> bool:
        """True for exactly one caller."""
        result = await self._session.execute(
            upsert(self._session, AssertionRow)
            .values(digest=assertion.digest, expires_at=assertion.expires_at)
            .on_conflict_do_nothing()
            .returning(_t.digest)
        )
        return result.first() is not None

"""Access tokens that were revoked one by one, and what an access token hangs on, in SQL."""

from datetime import datetime

from sqlalchemy import bindparam, exists, select

from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.token.domain.tokens.token_status import TokenStatus
from services.token.store.tables import GrantRow, RevocationRow
from services.token.store.tokens.grants import grant_of

_t = table_of(RevocationRow).c
_grant_columns = table_of(GrantRow).c

# Asked for every introspection and every call of userinfo, so they are built once.
_REVOKED = exists().where(_t.token_id == bindparam("of_token")).label("token_revoked")
_IS_REVOKED = select(_REVOKED)
_STATUS = select(_REVOKED, *_grant_columns).where(_grant_columns.grant_id == bindparam("of_grant"))


class Revocations:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, token_id: str, *, expires_at: datetime) -> bool:
        """Ends one access token; True for exactly one caller. `expires_at`: when the token has expired."""
        result = await self._session.execute(
            upsert(self._session, RevocationRow)
            .values(token_id=token_id, expires_at=expires_at)
            .on_conflict_do_nothing()
            .returning(_t.token_id)
        )
        return result.first() is not None

    async def status(self, token_id: str, *, grant_id: str | None) -> TokenStatus:
        """How things stand with an access token and the grant behind it, in one statement."""
        if grant_id is None:
            revoked = (await self._session.execute(_IS_REVOKED, {"of_token": token_id})).scalar_one()
            return TokenStatus(revoked=bool(revoked))
        row = (await self._session.execute(_STATUS, {"of_token": token_id, "of_grant": grant_id})).first()
        return TokenStatus(revoked=True) if row is None else TokenStatus(revoked=row.token_revoked, grant=grant_of(row))

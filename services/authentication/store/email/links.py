"""What the links in emails open, in SQL: found by the digest of their secret, and used by one statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.authentication.domain.email.links import LinkPurpose, MailedLink
from services.authentication.store.tables import LINKS as L

_COLUMNS = tuple(column for column in L.c if column.name != "secret_hash")


class MailedLinks:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def put(self, link: MailedLink, *, secret_hash: bytes | None) -> None:
        statement: Any = upsert(self._session, L).values(
            link_id=link.link_id,
            secret_hash=secret_hash,
            purpose=link.purpose.value,
            user_id=link.user_id,
            address=link.address,
            password_version=link.password_version,
            details=dict(link.details),
            created_at=link.created_at,
            expires_at=link.expires_at,
        )
        renewed = {"secret_hash": secret_hash, "expires_at": link.expires_at}
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["link_id"], set_=renewed, where=L.c.used_at.is_(None))
        )

    async def find(self, secret_hash: bytes, purpose: LinkPurpose) -> MailedLink | None:
        query = select(*_COLUMNS).where(L.c.secret_hash == secret_hash, L.c.purpose == purpose.value)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _link(row)

    async def get(self, link_id: str) -> MailedLink | None:
        row = (await self._session.execute(select(*_COLUMNS).where(L.c.link_id == link_id))).one_or_none()
        return None if row is None else _link(row)

    async def use(self, secret_hash: bytes, purpose: LinkPurpose, *, now: datetime) -> MailedLink | None:
        statement = (
            update(L)
            .where(
                L.c.secret_hash == secret_hash,
                L.c.purpose == purpose.value,
                L.c.used_at.is_(None),
                L.c.expires_at > now,
            )
            .values(used_at=now)
            .returning(*_COLUMNS)
        )
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else _link(row)

    async def forget(self, *, before: datetime, limit: int) -> int:
        old = select(L.c.link_id).where(L.c.expires_at < before).order_by(L.c.expires_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(L).where(L.c.link_id.in_(select(chosen.c.link_id))).returning(L.c.link_id)
        return len((await self._session.execute(statement)).all())


def _link(row: Any) -> MailedLink:
    return MailedLink(
        link_id=row.link_id,
        purpose=LinkPurpose(row.purpose),
        user_id=row.user_id,
        address=row.address,
        password_version=row.password_version,
        details=row.details,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )

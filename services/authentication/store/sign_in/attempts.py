"""Sign-ins between their two steps, in SQL."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from libs.servicekit.sql.session import SqlSession
from services.authentication.domain.sign_in.sign_in_attempts import MAX_PER_USER, AttemptKind, SignInAttempt
from services.authentication.store.tables import ATTEMPTS as A
from services.authentication.store.tables import USERS


class SignInAttempts:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, secret_hash: bytes) -> SignInAttempt | None:
        query = (
            select(A, USERS.c.username, USERS.c.username_key)
            .select_from(A.join(USERS, A.c.user_id == USERS.c.id))
            .where(A.c.secret_hash == secret_hash)
        )
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        return SignInAttempt(
            secret_hash=row.secret_hash,
            kind=AttemptKind(row.kind),
            user_id=row.user_id,
            username=row.username,
            username_key=row.username_key,
            password_version=row.password_version,
            session_hash=row.session_hash,
            amr=tuple(row.amr),
            expires_at=row.expires_at,
            completed_at=row.completed_at,
        )

    async def add(
        self,
        secret_hash: bytes,
        *,
        kind: AttemptKind,
        user_id: str,
        password_version: int,
        session_hash: bytes | None,
        amr: tuple[str, ...],
        expires_at: datetime,
    ) -> None:
        """The oldest of the user's give way when there are too many."""
        newest = select(A.c.secret_hash).where(A.c.user_id == user_id).order_by(A.c.expires_at.desc())
        kept = newest.limit(MAX_PER_USER - 1).cte("kept")
        await self._session.execute(
            delete(A).where(A.c.user_id == user_id, A.c.secret_hash.not_in(select(kept.c.secret_hash)))
        )
        await self._session.execute(
            insert(A).values(
                secret_hash=secret_hash,
                kind=kind.value,
                user_id=user_id,
                password_version=password_version,
                session_hash=session_hash,
                amr=list(amr),
                expires_at=expires_at,
            )
        )

    async def complete(self, secret_hash: bytes, *, now: datetime) -> bool:
        """Once: one caller wins."""
        statement = update(A).where(A.c.secret_hash == secret_hash, A.c.completed_at.is_(None), A.c.expires_at > now)
        return (
            await self._session.execute(statement.values(completed_at=now).returning(A.c.user_id))
        ).first() is not None

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` that expired before then; how many it was."""
        old = select(A.c.secret_hash).where(A.c.expires_at < before).order_by(A.c.expires_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(A).where(A.c.secret_hash.in_(select(chosen.c.secret_hash))).returning(A.c.secret_hash)
        return len((await self._session.execute(statement)).all())

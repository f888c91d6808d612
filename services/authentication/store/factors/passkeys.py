"""Passkeys in SQL, and the challenges that have been used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.authentication.domain.factors.passkeys import Passkey, challenge_hash
from services.authentication.store.tables import FACTORS, PASSKEYS, USERS
from services.authentication.store.tables import USED_CHALLENGES as C


class Passkeys:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def of(self, user_id: str) -> Sequence[Passkey]:
        query = select(PASSKEYS).where(PASSKEYS.c.user_id == user_id).order_by(PASSKEYS.c.factor_id)
        return [_to_passkey(row) for row in await self._session.execute(query)]

    async def find(self, credential_id: bytes) -> tuple[Passkey, str] | None:
        query = (
            select(PASSKEYS, USERS.c.username_key)
            .select_from(PASSKEYS.join(USERS, PASSKEYS.c.user_id == USERS.c.id))
            .where(PASSKEYS.c.credential_id == credential_id)
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (_to_passkey(row), row.username_key)

    async def add(self, passkey: Passkey) -> bool:
        """False if the passkey is already registered; the caller must then roll back."""
        statement = insert(PASSKEYS).values(
            factor_id=passkey.factor_id,
            user_id=passkey.user_id,
            credential_id=passkey.credential_id,
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
            backup_eligible=passkey.backup_eligible,
            backed_up=passkey.backed_up,
            transports=list(passkey.transports),
        )
        try:
            await self._session.execute(statement)
        except IntegrityError:
            return False
        return True

    async def record_use(self, passkey: Passkey, *, sign_count: int, backed_up: bool, now: datetime) -> bool:
        """Compare-and-set on the counter."""
        statement = (
            update(PASSKEYS)
            .where(PASSKEYS.c.factor_id == passkey.factor_id, PASSKEYS.c.sign_count == passkey.sign_count)
            .values(sign_count=sign_count, backed_up=backed_up)
            .returning(PASSKEYS.c.factor_id)
        )
        noted = (await self._session.execute(statement)).first() is not None
        used = update(FACTORS).where(FACTORS.c.id == passkey.factor_id).values(last_used_at=now)
        await self._session.execute(used)
        return noted

    async def consume_challenge(self, challenge: bytes, *, expires_at: datetime) -> bool:
        """Once: one caller wins."""
        statement: Any = upsert(self._session, C).values(
            challenge_hash=challenge_hash(challenge), expires_at=expires_at
        )
        unused = statement.on_conflict_do_nothing(index_elements=["challenge_hash"]).returning(C.c.challenge_hash)
        return (await self._session.execute(unused)).first() is not None

    async def forget_challenges(self, *, before: datetime, limit: int) -> int:
        old = select(C.c.challenge_hash).where(C.c.expires_at < before).order_by(C.c.expires_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(C).where(C.c.challenge_hash.in_(select(chosen.c.challenge_hash)))
        return len((await self._session.execute(statement.returning(C.c.challenge_hash))).all())


def _to_passkey(row: Any) -> Passkey:
    return Passkey(
        factor_id=row.factor_id,
        user_id=row.user_id,
        credential_id=row.credential_id,
        public_key=row.public_key,
        sign_count=row.sign_count,
        backup_eligible=row.backup_eligible,
        backed_up=row.backed_up,
        transports=tuple(row.transports),
    )

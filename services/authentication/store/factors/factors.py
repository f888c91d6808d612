"""Second factors in SQL. Callers lock the user first (`Accounts.lock`), so that changes are serialized."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, update

from libs.servicekit.sql.session import SqlSession
from services.authentication.domain.factors.factor import Factor, FactorKind, TotpEnrolment, TotpFactor
from services.authentication.store.tables import FACTORS as F
from services.authentication.store.tables import PASSKEYS, RECOVERY_CODES, TOTP_ENROLMENTS, USERS

_COLUMNS = (F.c.id, F.c.kind, F.c.name, F.c.created_at, F.c.last_used_at)


class Factors:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def of(self, user_id: str) -> Sequence[Factor]:
        query = select(*_COLUMNS).where(F.c.user_id == user_id).order_by(F.c.id)
        return [_to_factor(row) for row in await self._session.execute(query)]

    async def totp_of(self, user_id: str) -> Sequence[TotpFactor]:
        query = select(F.c.id, F.c.totp_secret, F.c.totp_step).where(
            F.c.user_id == user_id, F.c.kind == FactorKind.TOTP.value
        )
        rows = await self._session.execute(query.order_by(F.c.id))
        return [TotpFactor(id=row.id, sealed_secret=row.totp_secret, last_step=row.totp_step) for row in rows]

    async def consume_step(self, factor_id: str, step: int, *, sealed_secret: bytes, now: datetime) -> bool:
        """Compare-and-set: each code is accepted once, and no older code is accepted after it."""
        statement = update(F).where(F.c.id == factor_id, F.c.totp_step < step).returning(F.c.id)
        used = await self._session.execute(
            statement.values(totp_step=step, totp_secret=sealed_secret, last_used_at=now)
        )
        return used.one_or_none() is not None

    async def add_totp(self, factor: Factor, *, user_id: str, sealed_secret: bytes, step: int) -> None:
        await self._add(factor, user_id=user_id, totp_secret=sealed_secret, totp_step=step)

    async def add(self, factor: Factor, *, user_id: str) -> None:
        await self._add(factor, user_id=user_id)

    async def remove(self, user_id: str, factor_id: str) -> Factor | None:
        """The factor that was the user's until now."""
        own = (PASSKEYS.c.user_id == user_id) & (PASSKEYS.c.factor_id == factor_id)
        await self._session.execute(delete(PASSKEYS).where(own))
        statement = delete(F).where(F.c.user_id == user_id, F.c.id == factor_id).returning(*_COLUMNS)
        row = (await self._session.execute(statement)).one_or_none()
        await self._note(user_id)
        return None if row is None else _to_factor(row)

    async def remove_all(self, user_id: str) -> Sequence[Factor]:
        """With the recovery codes, and with what was being set up."""
        await self._session.execute(delete(PASSKEYS).where(PASSKEYS.c.user_id == user_id))
        statement = delete(F).where(F.c.user_id == user_id).returning(*_COLUMNS)
        removed = [_to_factor(row) for row in await self._session.execute(statement)]
        await self.forget_enrolment(user_id)
        await self._session.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
        await self._note(user_id)
        return removed

    async def enrolment_of(self, user_id: str) -> TotpEnrolment | None:
        query = select(TOTP_ENROLMENTS).where(TOTP_ENROLMENTS.c.user_id == user_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else TotpEnrolment(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it

    async def begin_enrolment(self, enrolment: TotpEnrolment) -> None:
        """In place of one that was begun before."""
        await self.forget_enrolment(enrolment.user_id)
        await self._session.execute(
            insert(TOTP_ENROLMENTS).values(
                user_id=enrolment.user_id,
                session_id=enrolment.session_id,
                sealed_secret=enrolment.sealed_secret,
                expires_at=enrolment.expires_at,
            )
        )

    async def forget_enrolment(self, user_id: str) -> None:
        await self._session.execute(delete(TOTP_ENROLMENTS).where(TOTP_ENROLMENTS.c.user_id == user_id))

    async def forget_enrolments(self, *, before: datetime, limit: int) -> int:
        old = select(TOTP_ENROLMENTS.c.user_id).where(TOTP_ENROLMENTS.c.expires_at < before).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(TOTP_ENROLMENTS).where(TOTP_ENROLMENTS.c.user_id.in_(select(chosen.c.user_id)))
        return len((await self._session.execute(statement.returning(TOTP_ENROLMENTS.c.user_id))).all())

    async def replace_codes(self, user_id: str, hashes: Sequence[bytes], *, now: datetime) -> None:
        """From now on these recovery codes, and none of those before."""
        await self._session.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
        if hashes:
            rows = [{"user_id": user_id, "code_hash": each, "created_at": now} for each in hashes]
            await self._session.execute(insert(RECOVERY_CODES), rows)

    async def consume_code(self, user_id: str, code_hashes: Collection[bytes], *, now: datetime) -> bool:
        """Each code once."""
        codes = RECOVERY_CODES
        statement = update(codes).where(codes.c.user_id == user_id, codes.c.code_hash.in_(code_hashes))
        unused = statement.where(codes.c.used_at.is_(None)).values(used_at=now).returning(codes.c.user_id)
        return (await self._session.execute(unused)).one_or_none() is not None

    async def codes_left(self, user_id: str) -> int:
        unused = (RECOVERY_CODES.c.user_id == user_id) & RECOVERY_CODES.c.used_at.is_(None)
        return int((await self._session.execute(select(func.count()).where(unused))).scalar_one())

    async def _add(self, factor: Factor, *, user_id: str, **details: Any) -> None:
        await self._session.execute(
            insert(F).values(
                id=factor.id,
                user_id=user_id,
                kind=factor.kind.value,
                name=factor.name,
                created_at=factor.created_at,
                last_used_at=factor.last_used_at,
                **details,
            )
        )
        await self._note(user_id)

    async def _note(self, user_id: str) -> None:
        has_one = exists().where(F.c.user_id == user_id)
        await self._session.execute(update(USERS).where(USERS.c.id == user_id).values(has_second_factor=has_one))


def _to_factor(row: Any) -> Factor:
    return Factor(
        id=row.id,
        kind=FactorKind(row.kind),
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )

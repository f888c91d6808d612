"""The email queue in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from libs.crypto.random import uuid7
from libs.servicekit.sql.leased_queue import LeasedQueue
from libs.servicekit.sql.session import SqlSession
from services.authentication.domain.accounts.email_addresses import writable
from services.authentication.domain.email.emails import KEEP, LEASE, Email, EmailKind, Outcome, QueuedEmail
from services.authentication.store.tables import EMAILS as L
from services.authentication.store.tables import USERS

_KNOWN = frozenset(EmailKind)


class Emails:
    def __init__(self, session: SqlSession) -> None:
        self._session = session
        self._queue = LeasedQueue(session, L, lease=LEASE)

    async def post(self, email: Email, *, now: datetime) -> str:
        # The current address is stored: a later change must not redirect the email.
        if not email.address:
            query = select(USERS.c.claims).where(USERS.c.id == email.user_id)
            claims = (await self._session.execute(query)).scalar_one_or_none() or {}
            email = _to(email, claims.get("email"))
        (letter_id,) = await self.queue([email], now=now) if writable(email.address) else ("",)
        return letter_id

    async def queue(self, emails: Sequence[Email], *, now: datetime) -> Sequence[str]:
        ids = [uuid7(now) for _ in emails]
        rows = [
            {
                "letter_id": letter_id,
                "kind": email.kind.value,
                "user_id": email.user_id,
                "address": email.address,
                "locale": email.locale,
                "words": dict(email.words),
                "posted_at": now,
                "due_at": now,
                "attempts": 0,
                "expires_at": now + KEEP,
            }
            for letter_id, email in zip(ids, emails, strict=True)
        ]
        await self._session.execute(insert(L).values(rows))
        return ids

    async def claim(self, *, limit: int, now: datetime) -> Sequence[QueuedEmail]:
        rows = await self._queue.claim(limit=limit, now=now)
        # Kinds that only newer code knows stay queued: newer code claims them when the lease ends.
        return [_posted(row) for row in rows if row.kind in _KNOWN]

    async def postpone(self, posted: QueuedEmail, *, until: datetime) -> bool:
        return await self._queue.postpone(posted.letter_id, attempts=posted.attempts, until=until)

    async def settle(self, posted: QueuedEmail, outcome: Outcome) -> bool:
        return await self._queue.settle(
            posted.letter_id, attempts=posted.attempts, values={"outcome": outcome.value, "address": "", "words": {}}
        )

    async def forget(self, *, now: datetime, limit: int) -> int:
        old = select(L.c.letter_id).where(L.c.expires_at <= now).order_by(L.c.expires_at).limit(limit)
        chosen = old.with_for_update(skip_locked=True).cte("chosen")
        statement = delete(L).where(L.c.letter_id.in_(select(chosen.c.letter_id))).returning(L.c.letter_id)
        return len((await self._session.execute(statement)).all())


def _to(email: Email, address: str | None) -> Email:
    return Email(kind=email.kind, user_id=email.user_id, address=address or "", locale=email.locale, words=email.words)


def _posted(row: Any) -> QueuedEmail:
    email = Email(
        kind=EmailKind(row.kind), user_id=row.user_id, address=row.address, locale=row.locale, words=row.words
    )
    return QueuedEmail(letter_id=row.letter_id, email=email, posted_at=row.posted_at, attempts=row.attempts)

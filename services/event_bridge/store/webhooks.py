"""Webhooks and their encrypted secrets in SQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from libs.servicekit.sql.session import SqlSession
from services.event_bridge.domain.deliveries import AttemptResult
from services.event_bridge.domain.webhooks import DisabledReason, Webhook
from services.event_bridge.store.tables import DELIVERIES
from services.event_bridge.store.tables import WEBHOOKS as T


class Webhooks:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, webhook: Webhook, sealed_secret: bytes) -> None:
        await self._session.execute(
            insert(T).values(
                webhook_id=webhook.webhook_id,
                url=webhook.url,
                filters=list(webhook.filters),
                description=webhook.description,
                created_at=webhook.created_at,
                failures=0,
                sealed_secret=sealed_secret,
            )
        )

    async def find(self, webhook_id: str) -> Webhook | None:
        pending = select(func.count()).where(DELIVERIES.c.webhook_id == webhook_id, DELIVERIES.c.due_at.is_not(None))
        query = select(T, pending.scalar_subquery().label("pending")).where(T.c.webhook_id == webhook_id)
        row = (await self._session.execute(query)).first()
        return None if row is None else _webhook(row, pending=row.pending)

    async def every(self) -> Sequence[Webhook]:
        query = select(T).order_by(T.c.created_at, T.c.webhook_id)
        return [_webhook(row) for row in await self._session.execute(query)]

    async def count(self) -> int:
        return int((await self._session.execute(select(func.count()).select_from(T))).scalar_one())

    async def secrets(self, webhook_id: str, *, now: datetime) -> Sequence[bytes]:
        row = (await self._session.execute(select(T).where(T.c.webhook_id == webhook_id))).first()
        if row is None:
            return ()
        live = [row.sealed_secret]
        if row.previous_secret_until is not None and row.previous_secret_until > now:
            live.append(row.previous_sealed_secret)
        return live

    async def rotate(self, webhook_id: str, sealed_secret: bytes, *, previous_until: datetime | None) -> bool:
        keep = previous_until is not None
        values = {
            "sealed_secret": sealed_secret,
            # In SQL this is the value before the update.
            "previous_sealed_secret": T.c.sealed_secret if keep else None,
            "previous_secret_until": previous_until,
        }
        return await self._change(webhook_id, values)

    async def observe(
        self, webhook_id: str, result: AttemptResult, *, now: datetime, disable_after: timedelta
    ) -> tuple[Webhook, Webhook] | None:
        # FOR NO KEY UPDATE: other transactions can still insert deliveries that refer to the webhook.
        locked = select(T).where(T.c.webhook_id == webhook_id).with_for_update(key_share=True)
        row = (await self._session.execute(locked)).first()
        if row is None:
            return None
        before = _webhook(row)
        after = before.after_attempt(result, now=now, disable_after=disable_after)
        if after != before:
            values = {
                "failing_since": after.failing_since,
                "failures": after.failures,
                "rests_until": after.rests_until,
            }
            await self._change(webhook_id, values)
        if after.disabled_reason is not None and before.disabled_reason is None:
            await self.disable(webhook_id, after.disabled_reason)
        return before, after

    async def enable(self, webhook_id: str) -> bool:
        values = {"disabled_reason": None, "failing_since": None, "failures": 0, "rests_until": None}
        return await self._change(webhook_id, values, T.c.disabled_reason.is_not(None))

    async def disable(self, webhook_id: str, reason: DisabledReason) -> bool:
        return await self._change(webhook_id, {"disabled_reason": reason.value}, T.c.disabled_reason.is_(None))

    async def delete(self, webhook_id: str) -> bool:
        gone = delete(T).where(T.c.webhook_id == webhook_id).returning(T.c.webhook_id)
        return (await self._session.execute(gone)).first() is not None

    async def _change(self, webhook_id: str, values: dict[str, Any], *conditions: Any) -> bool:
        changed = update(T).where(T.c.webhook_id == webhook_id, *conditions).values(values).returning(T.c.webhook_id)
        return (await self._session.execute(changed)).first() is not None


def _webhook(row: Row[Any], *, pending: int = 0) -> Webhook:
    return Webhook(
        webhook_id=row.webhook_id,
        url=row.url,
        filters=tuple(row.filters),
        description=row.description,
        created_at=row.created_at,
        disabled_reason=None if row.disabled_reason is None else DisabledReason(row.disabled_reason),
        failing_since=row.failing_since,
        failures=row.failures,
        rests_until=row.rests_until,
        previous_secret_until=row.previous_secret_until,
        pending=pending,
    )

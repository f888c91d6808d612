"""An operator enables, disables or removes a receiver, or gives it another secret."""

from collections.abc import Callable
from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.signatures import WebhookSecret, new_webhook_secret
from services.event_bridge.domain.webhooks import LONGEST_OVERLAP, DisabledReason
from services.event_bridge.ports import Begin
from services.event_bridge.usecases.find_webhooks import unknown


class EnableWebhook:
    """`queued`: is called when something may go out."""

    def __init__(self, begin: Begin, *, queued: Callable[[], None], clock: Clock) -> None:
        self._begin = begin
        self._queued = queued
        self._clock = clock

    async def __call__(self, webhook_id: str) -> None:
        """What waits is due at once; enabling it twice is once. Raises InvalidRequest."""
        async with self._begin() as work:
            if await work.webhooks.enable(webhook_id):
                await work.deliveries.hurry(webhook_id, now=self._clock.now())
                work.emit(events.webhook_enabled(webhook_id))
            elif await work.webhooks.find(webhook_id) is None:
                raise unknown()
        self._queued()


class DisableWebhook:
    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    async def __call__(self, webhook_id: str) -> None:
        """Disabling it twice is once. Raises InvalidRequest."""
        async with self._begin() as work:
            if await work.webhooks.disable(webhook_id, DisabledReason.OPERATOR):
                work.emit(events.webhook_disabled(webhook_id, DisabledReason.OPERATOR))
            elif await work.webhooks.find(webhook_id) is None:
                raise unknown()


class DeleteWebhook:
    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    async def __call__(self, webhook_id: str) -> None:
        """Raises InvalidRequest."""
        async with self._begin() as work:
            if not await work.webhooks.delete(webhook_id):
                raise unknown()
            work.emit(events.webhook_deleted(webhook_id))


class RotateWebhookSecret:
    def __init__(self, begin: Begin, *, seals: SecretSeals, clock: Clock) -> None:
        self._begin = begin
        self._seals = seals
        self._clock = clock

    async def __call__(self, webhook_id: str, *, overlap: timedelta) -> WebhookSecret:
        """The new secret. The one before signs beside it for `overlap`, and none before that. Raises InvalidRequest."""
        secret = new_webhook_secret()
        until = self._clock.now() + min(overlap, LONGEST_OVERLAP) if overlap else None
        async with self._begin() as work:
            sealed = self._seals.seal(secret, webhook_id=webhook_id)
            if not await work.webhooks.rotate(webhook_id, sealed, previous_until=until):
                raise unknown()
            work.emit(events.webhook_secret_rotated(webhook_id))
        return secret

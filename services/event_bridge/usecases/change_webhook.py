"""An operator enables, disables or deletes a webhook, or rotates its secret."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.signatures import WebhookSecret, new_webhook_secret
from services.event_bridge.domain.webhooks import MAX_OVERLAP, DisabledReason
from services.event_bridge.ports import Begin
from services.event_bridge.usecases.find_webhooks import unknown_webhook


@dataclass(frozen=True, kw_only=True)
class EnableWebhook:
    """`on_queued` is called when deliveries are due."""

    begin: Begin
    on_queued: Callable[[], None]
    clock: Clock

    async def __call__(self, webhook_id: str) -> None:
        """Enable the webhook and make its pending deliveries due. Idempotent. Raises InvalidRequest."""
        async with self.begin() as work:
            if await work.webhooks.enable(webhook_id):
                await work.deliveries.make_due(webhook_id, now=self.clock.now())
                work.emit(events.webhook_enabled(webhook_id))
            elif await work.webhooks.find(webhook_id) is None:
                raise unknown_webhook()
        self.on_queued()


@dataclass(frozen=True, kw_only=True)
class DisableWebhook:
    begin: Begin

    async def __call__(self, webhook_id: str) -> None:
        """Disable the webhook. Idempotent. Raises InvalidRequest."""
        async with self.begin() as work:
            if await work.webhooks.disable(webhook_id, DisabledReason.OPERATOR):
                work.emit(events.webhook_disabled(webhook_id, DisabledReason.OPERATOR))
            elif await work.webhooks.find(webhook_id) is None:
                raise unknown_webhook()


@dataclass(frozen=True, kw_only=True)
class DeleteWebhook:
    begin: Begin

    async def __call__(self, webhook_id: str) -> None:
        """Delete the webhook with its deliveries. Raises InvalidRequest."""
        async with self.begin() as work:
            if not await work.webhooks.delete(webhook_id):
                raise unknown_webhook()
            work.emit(events.webhook_deleted(webhook_id))


@dataclass(frozen=True, kw_only=True)
class RotateWebhookSecret:
    begin: Begin
    seals: SecretSeals
    clock: Clock

    async def __call__(self, webhook_id: str, *, overlap: timedelta) -> WebhookSecret:
        """Return the new secret. The current one also signs for `overlap`. Raises InvalidRequest."""
        secret = new_webhook_secret()
        until = self.clock.now() + min(overlap, MAX_OVERLAP) if overlap else None
        async with self.begin() as work:
            sealed = self.seals.seal(secret, webhook_id=webhook_id)
            if not await work.webhooks.rotate(webhook_id, sealed, previous_until=until):
                raise unknown_webhook()
            work.emit(events.webhook_secret_rotated(webhook_id))
        return secret

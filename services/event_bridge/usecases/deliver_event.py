"""One attempt to deliver an event to a webhook."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.deliveries import AttemptResult, Delivery, State
from services.event_bridge.domain.excerpts import without_secrets
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.signatures import WebhookSecret, headers
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import Begin, Post, View, Writer

CONTENT_TYPE = "application/json; charset=utf-8"
_log = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class DeliverEvent:
    """Delivers one event.

    chance: returns a random number between 0 and 1, for the jitter of retries.
    disable_after: a webhook whose deliveries have failed for this time is disabled.
    """

    begin: Begin
    view: View
    post: Post
    seals: SecretSeals
    clock: Clock
    chance: Callable[[], float]
    disable_after: timedelta

    async def ready(self) -> Mapping[str, bool]:
        """Return the ids of webhooks with due deliveries; the value is True for webhooks that are failing."""
        async with self.view() as view:
            return await view.deliveries.ready(now=self.clock.now())

    async def claim(self, webhook_id: str, *, limit: int) -> Sequence[Delivery]:
        """Lease due deliveries to this caller."""
        async with self.begin() as work:
            return await work.deliveries.claim(webhook_id, limit=limit, now=self.clock.now())

    async def __call__(self, delivery: Delivery) -> AttemptResult | None:
        """Send the event once and store the result. Returns None if the webhook was deleted or disabled.

        Raises:
            TemporarilyUnavailable: the database is unavailable; the event is sent again after the lease.
            SealBroken: the secret cannot be opened with the configured sealing key.
        """
        prepared = await self._prepare(delivery)
        if prepared is None:
            async with self.begin() as work:
                await work.deliveries.postpone(delivery, until=self.clock.now(), counted=False)
            return None
        url, signed, secrets = prepared
        result = without_secrets(secrets, await self.post(url, delivery.body.encode(), signed))
        now = self.clock.now()
        async with self.begin() as work:
            if result.not_sent:
                again = delivery.next_step(result, now=now, chance=self.chance())
                if not isinstance(again, State):
                    await work.deliveries.postpone(delivery, until=again, counted=False)
                return result
            await self._store(work, delivery, result)
        return result

    async def _prepare(self, delivery: Delivery) -> tuple[str, Mapping[str, str], Sequence[WebhookSecret]] | None:
        now, body = self.clock.now(), delivery.body.encode()
        async with self.view() as view:
            webhook = await view.webhooks.find(delivery.webhook_id)
            sealed = await view.webhooks.secrets(delivery.webhook_id, now=now)
        if webhook is None or webhook.disabled_reason is not None:
            return None
        secrets = [self.seals.open(each, webhook_id=webhook.webhook_id) for each in sealed]
        signed = headers(secrets, message_id=delivery.event_id, at=now, body=body)
        return webhook.url, {"Content-Type": CONTENT_TYPE, **signed}, secrets

    async def _store(self, work: Writer, delivery: Delivery, result: AttemptResult) -> None:
        now = self.clock.now()
        observed = await work.webhooks.observe(delivery.webhook_id, result, now=now, disable_after=self.disable_after)
        if observed is None:
            return
        step = delivery.next_step(result, now=now, chance=self.chance())
        if isinstance(step, State):
            await work.deliveries.settle(delivery, step)
        else:
            await work.deliveries.postpone(delivery, until=step, counted=True)
        await work.deliveries.log(delivery, result, now=now)
        await self._after_change(work, *observed)

    async def _after_change(self, work: Writer, before: Webhook, after: Webhook) -> None:
        """Make deliveries due if the receiver works again; report a webhook that was disabled."""
        if before.failures and not after.failures:
            await work.deliveries.make_due(after.webhook_id, now=self.clock.now())
        if after.disabled_reason is not None and before.disabled_reason is None:
            _log.warning(
                "webhook.disabled",
                message="Webhook disabled: deliveries fail",
                webhook_id=after.webhook_id,
                reason=after.disabled_reason.value,
            )
            work.emit(events.webhook_disabled(after.webhook_id, after.disabled_reason))

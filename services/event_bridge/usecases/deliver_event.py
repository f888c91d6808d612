"""One attempt to bring an event to a receiver."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.deliveries import Answer, Delivery, State
from services.event_bridge.domain.excerpts import without
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.signatures import WebhookSecret, headers
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import Begin, Post, Work

CONTENT_TYPE = "application/json; charset=utf-8"
_log = logs.get(__name__)


class DeliverEvent:
    """`chance`: a random number from 0 to 1. `disable_after`: a webhook where nothing works for so long is disabled."""

    def __init__(
        self,
        *,
        begin: Begin,
        view: Begin,
        post: Post,
        seals: SecretSeals,
        clock: Clock,
        chance: Callable[[], float],
        disable_after: timedelta,
    ) -> None:
        self._begin = begin
        self._view = view
        self._post = post
        self._seals = seals
        self._clock = clock
        self._chance = chance
        self._disable_after = disable_after

    async def ready(self) -> Mapping[str, bool]:
        """Webhooks that have something due; True for those that are failing."""
        async with self._view() as work:
            return await work.deliveries.ready(now=self._clock.now())

    async def claim(self, webhook_id: str, *, most: int) -> Sequence[Delivery]:
        """Deliveries that are due, for this caller alone until their lease ends."""
        async with self._begin() as work:
            return await work.deliveries.claim(webhook_id, most=most, now=self._clock.now())

    async def __call__(self, delivery: Delivery) -> Answer | None:
        """Tries once, and keeps what came of it; None when the webhook is gone or disabled.

        Raises:
            TemporarilyUnavailable: the database is away; after the lease the event is sent again.
            SealBroken: the secret cannot be opened: the service was given another key.
        """
        prepared = await self._prepared(delivery)
        if prepared is None:
            async with self._begin() as work:
                await work.deliveries.postpone(delivery, until=self._clock.now(), counted=False)
            return None
        url, signed, live = prepared
        answer = without(live, await self._post(url, delivery.body.encode(), signed))
        now = self._clock.now()
        async with self._begin() as work:
            if answer.ours:
                again = delivery.after(answer, now=now, chance=self._chance())
                if not isinstance(again, State):
                    await work.deliveries.postpone(delivery, until=again, counted=False)
                return answer
            await self._keep(work, delivery, answer)
        return answer

    async def _prepared(self, delivery: Delivery) -> tuple[str, Mapping[str, str], Sequence[WebhookSecret]] | None:
        now, body = self._clock.now(), delivery.body.encode()
        async with self._view() as work:
            webhook = await work.webhooks.find(delivery.webhook_id)
            sealed = await work.webhooks.secrets(delivery.webhook_id, now=now)
        if webhook is None or webhook.disabled_reason is not None:
            return None
        live = [self._seals.open(each, webhook_id=webhook.webhook_id) for each in sealed]
        signed = headers(live, message_id=delivery.event_id, at=now, body=body)
        return webhook.url, {"Content-Type": CONTENT_TYPE, **signed}, live

    async def _keep(self, work: Work, delivery: Delivery, answer: Answer) -> None:
        now = self._clock.now()
        observed = await work.webhooks.observe(delivery.webhook_id, answer, now=now, disable_after=self._disable_after)
        if observed is None:
            return
        result = delivery.after(answer, now=now, chance=self._chance())
        if isinstance(result, State):
            await work.deliveries.settle(delivery, result)
        else:
            await work.deliveries.postpone(delivery, until=result, counted=True)
        await work.deliveries.log(delivery, answer, now=now)
        await self._tell(work, *observed)

    async def _tell(self, work: Work, before: Webhook, after: Webhook) -> None:
        if before.failures and not after.failures:
            await work.deliveries.hurry(after.webhook_id, now=self._clock.now())
        if after.disabled_reason is not None and before.disabled_reason is None:
            _log.warning("A webhook is disabled", webhook_id=after.webhook_id, reason=after.disabled_reason.value)
            work.emit(events.webhook_disabled(after.webhook_id, after.disabled_reason))

"""WebhookAdminService, with the conversions between protobuf messages and domain values."""

from datetime import timedelta
from typing import Any

from latchkey.bridge.v1 import webhooks_pb2 as pb
from latchkey.bridge.v1 import webhooks_pb2_grpc
from libs.servicekit.grpc.timestamps import datetime_of, to_optional_timestamp
from services.event_bridge.domain.deliveries import LoggedAttempt, LoggedDelivery, State
from services.event_bridge.domain.webhooks import DisabledReason, Webhook
from services.event_bridge.ports import RedeliverySelection
from services.event_bridge.usecases.create_webhook import NewWebhook
from services.event_bridge.wiring import WebhookUseCases

_REASONS = {
    None: pb.DISABLED_REASON_UNSPECIFIED,
    DisabledReason.OPERATOR: pb.DISABLED_REASON_OPERATOR,
    DisabledReason.FAILING: pb.DISABLED_REASON_FAILING,
    DisabledReason.GONE: pb.DISABLED_REASON_GONE,
}
_STATES = {
    State.PENDING: pb.DELIVERY_STATE_PENDING,
    State.DELIVERED: pb.DELIVERY_STATE_DELIVERED,
    State.GIVEN_UP: pb.DELIVERY_STATE_GIVEN_UP,
}


class WebhookAdminRpc(webhooks_pb2_grpc.WebhookAdminServiceServicer):
    def __init__(self, use_cases: WebhookUseCases) -> None:
        self._use_cases = use_cases

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Any) -> pb.CreateWebhookResponse:
        webhook, secret = await self._use_cases.create(new_webhook_of(request))
        return pb.CreateWebhookResponse(webhook=to_webhook(webhook), secret=secret)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Any) -> pb.ListWebhooksResponse:
        return pb.ListWebhooksResponse(webhooks=map(to_webhook, await self._use_cases.find.every()))

    async def GetWebhook(self, request: pb.GetWebhookRequest, context: Any) -> pb.GetWebhookResponse:
        return pb.GetWebhookResponse(webhook=to_webhook(await self._use_cases.find.one(request.webhook_id)))

    async def RotateWebhookSecret(
        self, request: pb.RotateWebhookSecretRequest, context: Any
    ) -> pb.RotateWebhookSecretResponse:
        overlap = timedelta(seconds=request.overlap_seconds)
        secret = await self._use_cases.rotate_secret(request.webhook_id, overlap=overlap)
        return pb.RotateWebhookSecretResponse(secret=secret)

    async def EnableWebhook(self, request: pb.EnableWebhookRequest, context: Any) -> pb.EnableWebhookResponse:
        await self._use_cases.enable(request.webhook_id)
        return pb.EnableWebhookResponse()

    async def DisableWebhook(self, request: pb.DisableWebhookRequest, context: Any) -> pb.DisableWebhookResponse:
        await self._use_cases.disable(request.webhook_id)
        return pb.DisableWebhookResponse()

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Any) -> pb.DeleteWebhookResponse:
        await self._use_cases.delete(request.webhook_id)
        return pb.DeleteWebhookResponse()

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Any) -> pb.ListDeliveriesResponse:
        found = await self._use_cases.find.deliveries(request.webhook_id, state=state_of(request), limit=request.limit)
        return pb.ListDeliveriesResponse(deliveries=map(to_delivery, found))

    async def RedeliverEvents(self, request: pb.RedeliverEventsRequest, context: Any) -> pb.RedeliverEventsResponse:
        queued = await self._use_cases.redeliver(request.webhook_id, selection_of(request))
        return pb.RedeliverEventsResponse(queued=queued)

    async def TestWebhook(self, request: pb.TestWebhookRequest, context: Any) -> pb.TestWebhookResponse:
        return pb.TestWebhookResponse(event_id=await self._use_cases.test(request.webhook_id))


def new_webhook_of(request: pb.CreateWebhookRequest) -> NewWebhook:
    return NewWebhook(url=request.url, filters=tuple(request.filters), description=request.description)


def to_webhook(webhook: Webhook) -> pb.Webhook:
    return pb.Webhook(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        filters=webhook.filters,
        description=webhook.description,
        disabled_reason=_REASONS[webhook.disabled_reason],
        created_at=to_optional_timestamp(webhook.created_at),
        failing_since=to_optional_timestamp(webhook.failing_since),
        previous_secret_until=to_optional_timestamp(webhook.previous_secret_until),
        waiting=webhook.pending,
    )


def state_of(request: pb.ListDeliveriesRequest) -> State | None:
    """Return None for all states."""
    return next((state for state, value in _STATES.items() if value == request.state), None)


def to_delivery(delivery: LoggedDelivery) -> pb.Delivery:
    return pb.Delivery(
        event_id=delivery.event_id,
        event_name=delivery.event_name,
        subject=delivery.subject,
        state=_STATES[delivery.state],
        attempts=delivery.attempts,
        queued_at=to_optional_timestamp(delivery.queued_at),
        next_attempt_at=to_optional_timestamp(delivery.next_attempt_at),
        latest_attempts=map(_to_attempt, delivery.latest_attempts),
    )


def selection_of(request: pb.RedeliverEventsRequest) -> RedeliverySelection:
    return RedeliverySelection(
        event_id=request.event_id,
        since=datetime_of(request.since) if request.HasField("since") else None,
        until=datetime_of(request.until) if request.HasField("until") else None,
        include_delivered=request.delivered_too,
    )


def _to_attempt(attempt: LoggedAttempt) -> pb.Attempt:
    return pb.Attempt(
        attempted_at=to_optional_timestamp(attempt.attempted_at),
        status=attempt.status or 0,
        error=attempt.error,
        milliseconds=attempt.milliseconds,
        excerpt=attempt.excerpt,
    )

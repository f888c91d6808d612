"""Webhooks: calls to the event-bridge service (protos/latchkey/bridge/v1/webhooks.proto)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.bridge.v1 import webhooks_pb2 as pb
from latchkey.bridge.v1.webhooks_pb2_grpc import WebhookAdminServiceStub
from libs.cli.admin import service, when
from libs.cli.connection import Connection

if TYPE_CHECKING:  # these exist for the type checker only
    from latchkey.bridge.v1.webhooks_pb2_grpc import WebhookAdminServiceAsyncStub

SERVICE = "event-bridge"
_REASON, _STATE = "DISABLED_REASON_", "DELIVERY_STATE_"


@asynccontextmanager
async def admin(found: Connection) -> "AsyncIterator[WebhookAdminServiceAsyncStub]":
    async with service(SERVICE, found) as channel:
        yield WebhookAdminServiceStub(channel)


async def create(found: Connection, *, url: str, filters: Sequence[str], description: str) -> tuple[pb.Webhook, str]:
    """Returns the webhook and its secret."""
    async with admin(found) as bridge:
        request = pb.CreateWebhookRequest(url=url, filters=filters, description=description)
        answer = await bridge.CreateWebhook(request)
        return answer.webhook, answer.secret


async def every(found: Connection) -> list[pb.Webhook]:
    async with admin(found) as bridge:
        return list((await bridge.ListWebhooks(pb.ListWebhooksRequest())).webhooks)


async def one(found: Connection, webhook_id: str) -> pb.Webhook:
    async with admin(found) as bridge:
        return (await bridge.GetWebhook(pb.GetWebhookRequest(webhook_id=webhook_id))).webhook


async def rotate_secret(found: Connection, webhook_id: str, overlap: timedelta) -> str:
    async with admin(found) as bridge:
        seconds = int(overlap.total_seconds())
        request = pb.RotateWebhookSecretRequest(webhook_id=webhook_id, overlap_seconds=seconds)
        return (await bridge.RotateWebhookSecret(request)).secret


async def switch(found: Connection, webhook_id: str, *, on: bool) -> None:
    async with admin(found) as bridge:
        if on:
            await bridge.EnableWebhook(pb.EnableWebhookRequest(webhook_id=webhook_id))
        else:
            await bridge.DisableWebhook(pb.DisableWebhookRequest(webhook_id=webhook_id))


async def delete(found: Connection, webhook_id: str) -> None:
    async with admin(found) as bridge:
        await bridge.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=webhook_id))


async def deliveries(found: Connection, webhook_id: str, *, state: str | None, limit: int) -> list[pb.Delivery]:
    """Deliveries in a state (pending, delivered, given_up; None: all), latest first."""
    wanted = pb.DeliveryState.Value(f"{_STATE}{state.upper()}") if state else pb.DELIVERY_STATE_UNSPECIFIED
    async with admin(found) as bridge:
        request = pb.ListDeliveriesRequest(webhook_id=webhook_id, state=wanted, limit=limit)
        return list((await bridge.ListDeliveries(request)).deliveries)


async def redeliver(
    found: Connection, webhook_id: str, *, event_id: str, since: datetime | None, until: datetime | None, all_too: bool
) -> int:
    """Returns how many deliveries were queued."""
    request = pb.RedeliverEventsRequest(webhook_id=webhook_id, event_id=event_id, delivered_too=all_too)
    if since is not None:
        request.since.FromDatetime(since)
    if until is not None:
        request.until.FromDatetime(until)
    async with admin(found) as bridge:
        return (await bridge.RedeliverEvents(request)).queued


async def test(found: Connection, webhook_id: str) -> str:
    """Returns the ID of the test event."""
    async with admin(found) as bridge:
        return (await bridge.TestWebhook(pb.TestWebhookRequest(webhook_id=webhook_id))).event_id


def as_json(webhook: pb.Webhook) -> dict[str, Any]:
    reason = webhook.disabled_reason
    return {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "filters": list(webhook.filters),
        "description": webhook.description,
        "enabled": reason == pb.DISABLED_REASON_UNSPECIFIED,
        "disabled_reason": pb.DisabledReason.Name(reason).removeprefix(_REASON).lower() if reason else None,
        "created_at": _moment(webhook, "created_at"),
        "failing_since": _moment(webhook, "failing_since"),
        "previous_secret_until": _moment(webhook, "previous_secret_until"),
        "waiting": webhook.waiting,
    }


def delivery_as_json(delivery: pb.Delivery) -> dict[str, Any]:
    return {
        "event_id": delivery.event_id,
        "event": delivery.event_name,
        "subject": delivery.subject,
        "state": pb.DeliveryState.Name(delivery.state).removeprefix(_STATE).lower(),
        "attempts": delivery.attempts,
        "queued_at": _moment(delivery, "queued_at"),
        "next_attempt_at": _moment(delivery, "next_attempt_at"),
        "latest_attempts": [_attempt(each) for each in delivery.latest_attempts],
    }


def _attempt(attempt: pb.Attempt) -> dict[str, Any]:
    return {
        "attempted_at": _moment(attempt, "attempted_at"),
        "status": attempt.status or None,
        "error": attempt.error or None,
        "milliseconds": attempt.milliseconds,
        "excerpt": attempt.excerpt,
    }


def _moment(message: Any, name: str) -> str | None:
    if not message.HasField(name):
        return None
    timestamp: Timestamp = getattr(message, name)
    return when(timestamp).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Events of this service (protos/latchkey/events/v1): one function for each event."""

from collections.abc import Sequence

from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event
from services.event_bridge.domain.webhooks import DisabledReason

_ADMIN = Actor("admin", "cli")
_SYSTEM = Actor("system")
_REASONS = {
    DisabledReason.OPERATOR: events_pb2.REASON_UNSPECIFIED,
    DisabledReason.FAILING: events_pb2.REASON_FAILING,
    DisabledReason.GONE: events_pb2.REASON_GONE,
}


def webhook_created(webhook_id: str, *, filters: Sequence[str]) -> Event:
    return Event(events_pb2.WebhookCreated(webhook_id=webhook_id, filters=filters), webhook_id, _ADMIN)


def webhook_enabled(webhook_id: str) -> Event:
    return Event(events_pb2.WebhookEnabled(webhook_id=webhook_id), webhook_id, _ADMIN)


def webhook_disabled(webhook_id: str, reason: DisabledReason) -> Event:
    actor = _ADMIN if reason is DisabledReason.OPERATOR else _SYSTEM
    return Event(events_pb2.WebhookDisabled(webhook_id=webhook_id, reason=_REASONS[reason]), webhook_id, actor)


def webhook_secret_rotated(webhook_id: str) -> Event:
    return Event(events_pb2.WebhookSecretRotated(webhook_id=webhook_id), webhook_id, _ADMIN)


def stream_ticket_created(ticket_id: str, *, filters: Sequence[str]) -> Event:
    return Event(events_pb2.StreamTicketCreated(ticket_id=ticket_id, filters=filters), ticket_id, _ADMIN)


def stream_ticket_revoked(ticket_id: str) -> Event:
    return Event(events_pb2.StreamTicketRevoked(ticket_id=ticket_id), ticket_id, _ADMIN)


def webhook_deleted(webhook_id: str) -> Event:
    return Event(events_pb2.WebhookDeleted(webhook_id=webhook_id), webhook_id, _ADMIN)

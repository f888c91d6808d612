"""The contract (protos/latchkey/bridge/v1) to the domain and back."""

from latchkey.bridge.v1 import streams_pb2
from latchkey.bridge.v1 import webhooks_pb2 as pb
from libs.servicekit.grpc.timestamps import datetime_of, to_optional_timestamp
from services.event_bridge.domain.deliveries import LoggedAttempt, LoggedDelivery, State
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.domain.webhooks import DisabledReason, Webhook
from services.event_bridge.ports import Span
from services.event_bridge.usecases.create_webhook import Wanted

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


def wanted(request: pb.CreateWebhookRequest) -> Wanted:
    return Wanted(url=request.url, filters=tuple(request.filters), description=request.description)


def webhook(found: Webhook) -> pb.Webhook:
    return pb.Webhook(
        webhook_id=found.webhook_id,
        url=found.url,
        filters=found.filters,
        description=found.description,
        disabled_reason=_REASONS[found.disabled_reason],
        created_at=to_optional_timestamp(found.created_at),
        failing_since=to_optional_timestamp(found.failing_since),
        previous_secret_until=to_optional_timestamp(found.previous_secret_until),
        waiting=found.waiting,
    )


def state(request: pb.ListDeliveriesRequest) -> State | None:
    """None: of all states."""
    return next((known for known, value in _STATES.items() if value == request.state), None)


def delivery(found: LoggedDelivery) -> pb.Delivery:
    return pb.Delivery(
        event_id=found.event_id,
        event_name=found.event_name,
        subject=found.subject,
        state=_STATES[found.state],
        attempts=found.attempts,
        queued_at=to_optional_timestamp(found.queued_at),
        next_attempt_at=to_optional_timestamp(found.next_attempt_at),
        latest_attempts=map(_attempt, found.latest_attempts),
    )


def span(request: pb.RedeliverEventsRequest) -> Span:
    return Span(
        event_id=request.event_id,
        since=datetime_of(request.since) if request.HasField("since") else None,
        until=datetime_of(request.until) if request.HasField("until") else None,
        delivered_too=request.delivered_too,
    )


def stream_ticket(found: StreamTicket) -> streams_pb2.StreamTicket:
    return streams_pb2.StreamTicket(
        ticket_id=found.ticket_id,
        filters=found.filters,
        created_at=to_optional_timestamp(found.created_at),
        expires_at=to_optional_timestamp(found.expires_at),
    )


def _attempt(found: LoggedAttempt) -> pb.Attempt:
    return pb.Attempt(
        attempted_at=to_optional_timestamp(found.attempted_at),
        status=found.status or 0,
        error=found.error,
        milliseconds=found.milliseconds,
        excerpt=found.excerpt,
    )

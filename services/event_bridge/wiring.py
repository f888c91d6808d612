"""Builds the use cases of this service from its ports. Used by app.py and by tests; does no I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.ports import Begin, Post, View
from services.event_bridge.usecases.change_webhook import (
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    RotateWebhookSecret,
)
from services.event_bridge.usecases.create_webhook import CreateWebhook
from services.event_bridge.usecases.deliver_event import DeliverEvent
from services.event_bridge.usecases.find_webhooks import FindWebhooks
from services.event_bridge.usecases.read_events import ReadEvents
from services.event_bridge.usecases.redeliver_events import RedeliverEvents, TestWebhook
from services.event_bridge.usecases.store_events import StoreEvents
from services.event_bridge.usecases.stream_tickets import CreateStreamTicket, FindStreamTickets, RevokeStreamTicket
from services.event_bridge.usecases.sweep_deliveries import SweepDeliveries


@dataclass(frozen=True, kw_only=True)
class WebhookUseCases:
    """What WebhookAdminService calls."""

    create: CreateWebhook
    find: FindWebhooks
    rotate_secret: RotateWebhookSecret
    enable: EnableWebhook
    disable: DisableWebhook
    delete: DeleteWebhook
    redeliver: RedeliverEvents
    test: TestWebhook


@dataclass(frozen=True, kw_only=True)
class StreamTicketUseCases:
    """What StreamTicketAdminService and the stream for browsers call."""

    create: CreateStreamTicket
    find: FindStreamTickets
    revoke: RevokeStreamTicket


@dataclass(frozen=True, kw_only=True)
class UseCases:
    webhooks: WebhookUseCases
    stream_tickets: StreamTicketUseCases
    store_events: StoreEvents
    read_events: ReadEvents
    deliver_event: DeliverEvent
    sweep_deliveries: SweepDeliveries


def compose(
    *,
    begin: Begin,
    view: View,
    clock: Clock,
    post: Post,
    seals: SecretSeals,
    check_url: Callable[[str], None],
    on_queued: Callable[[], None],
    on_stored: Callable[[], None],
    chance: Callable[[], float],
    issuer: str,
    holder: str,
    max_webhooks: int,
    disable_after: timedelta,
    keep: timedelta,
    keep_unqueued: timedelta,
) -> UseCases:
    """Return the use cases. The classes describe the arguments."""
    return UseCases(
        webhooks=WebhookUseCases(
            create=CreateWebhook(begin=begin, seals=seals, check_url=check_url, clock=clock, max_webhooks=max_webhooks),
            find=FindWebhooks(view=view),
            rotate_secret=RotateWebhookSecret(begin=begin, seals=seals, clock=clock),
            enable=EnableWebhook(begin=begin, on_queued=on_queued, clock=clock),
            disable=DisableWebhook(begin=begin),
            delete=DeleteWebhook(begin=begin),
            redeliver=RedeliverEvents(begin=begin, on_queued=on_queued, clock=clock),
            test=TestWebhook(begin=begin, issuer=issuer, on_queued=on_queued, clock=clock),
        ),
        stream_tickets=StreamTicketUseCases(
            create=CreateStreamTicket(begin=begin, clock=clock),
            find=FindStreamTickets(view=view, clock=clock),
            revoke=RevokeStreamTicket(begin=begin),
        ),
        store_events=StoreEvents(begin=begin, holder=holder, on_stored=on_stored, on_queued=on_queued, clock=clock),
        read_events=ReadEvents(view=view),
        deliver_event=DeliverEvent(
            begin=begin,
            view=view,
            post=post,
            seals=seals,
            clock=clock,
            chance=chance,
            disable_after=disable_after,
        ),
        sweep_deliveries=SweepDeliveries(begin=begin, clock=clock, keep=keep, keep_unqueued=keep_unqueued),
    )

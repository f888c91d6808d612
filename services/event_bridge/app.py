"""Composition root: the one place that knows every part and puts them together."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from latchkey.bridge.v1 import streams_pb2, streams_pb2_grpc, webhooks_pb2, webhooks_pb2_grpc
from libs.crypto.random import uuid7
from libs.crypto.sealing import KeyEncryptionKey
from libs.fetch.fetcher import Fetcher, opened
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.migrations import open_database
from services.event_bridge import rpc
from services.event_bridge.adapters.deliveries import Deliveries
from services.event_bridge.adapters.event_signals import News
from services.event_bridge.adapters.feed import Feed
from services.event_bridge.adapters.http_post import FetcherPost
from services.event_bridge.adapters.subscriber_connection import SubscriberConnection
from services.event_bridge.config import EventBridgeSettings
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.http.app import build_edge
from services.event_bridge.http.cors import Cors
from services.event_bridge.http.stream import EventStream
from services.event_bridge.store.tables import METADATA
from services.event_bridge.store.work import StoreWork
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
from services.event_bridge.usecases.stream_tickets import CreateStreamTicket, FindStreamTickets, RevokeStreamTicket
from services.event_bridge.usecases.sweep_deliveries import SweepDeliveries
from services.event_bridge.usecases.take_events import TakeEvents

NAME = "event-bridge"
STREAMS = ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")
SWEEP_SECONDS = 60.0


@asynccontextmanager
async def build(settings: EventBridgeSettings) -> AsyncIterator[Service]:
    """The service, ready to run, at the schema that the code needs."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database, opened(settings.webhook_policy()) as fetcher:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, StoreWork)
        seals = _seals(settings)
        deliver = DeliverEvent(
            begin=work,
            view=work.reading,
            post=FetcherPost(fetcher, clock=clock),
            seals=seals,
            clock=clock,
            chance=random.random,
            disable_after=settings.disable_after,
        )
        deliveries = Deliveries(deliver)
        reading = SubscriberConnection(settings.nats_url, settings.subscriber_nats_creds)
        news = News(ReadEvents(work.reading))

        def taken() -> None:
            deliveries.wake()
            news.wake()

        take = TakeEvents(work, holder=uuid7(clock.now()), taken=taken, clock=clock)
        feeds = {stream: Feed(stream, take, bus, reading.client) for stream in STREAMS}
        sweep = SweepDeliveries(work, clock=clock, keep=settings.keep, keep_unwanted=settings.stream_keep)
        yield Service(
            servicers=(_servicer(settings, work, fetcher, deliveries), _ticket_servicer(work)),
            edge=_edge(settings, work, news),
            tasks={
                "bus": bus.run,
                "reading": reading.run,
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                **{f"feed-{stream}": feed.run for stream, feed in feeds.items()},
                "deliveries": deliveries.run,
                "news": news.run,
                "sweep": every(SWEEP_SECONDS, "sweep", sweep),
            },
            checks={
                "database": database.check,
                "bus": bus.check,
                "outbox": relay.check,
                "reading": reading.check,
                **{stream: feed.check for stream, feed in feeds.items()},
            },
        )


def _seals(settings: EventBridgeSettings) -> SecretSeals:
    key = KeyEncryptionKey(*settings.webhook_sealing_key_file.every)
    return SecretSeals(key, issuer=settings.issuer)


def _servicer(
    settings: EventBridgeSettings, work: Transactions[StoreWork], fetcher: Fetcher, deliveries: Deliveries
) -> Registration:
    clock, seals = SystemClock(), _seals(settings)
    admin = rpc.WebhookAdmin(
        create=CreateWebhook(work, seals=seals, check_url=fetcher.check, clock=clock, most=settings.webhooks_most),
        find=FindWebhooks(work.reading),
        rotate=RotateWebhookSecret(work, seals=seals, clock=clock),
        enable=EnableWebhook(work, queued=deliveries.wake, clock=clock),
        disable=DisableWebhook(work),
        delete=DeleteWebhook(work),
        redeliver=RedeliverEvents(work, queued=deliveries.wake, clock=clock),
        test=TestWebhook(work, issuer=settings.issuer, queued=deliveries.wake, clock=clock),
    )
    return Registration(
        webhooks_pb2_grpc.add_WebhookAdminServiceServicer_to_server,
        admin,
        webhooks_pb2.DESCRIPTOR.services_by_name["WebhookAdminService"],
    )


def _ticket_servicer(work: Transactions[StoreWork]) -> Registration:
    clock = SystemClock()
    admin = rpc.StreamTicketAdmin(
        create=CreateStreamTicket(work, clock=clock),
        find=FindStreamTickets(work.reading, clock=clock),
        revoke=RevokeStreamTicket(work),
    )
    return Registration(
        streams_pb2_grpc.add_StreamTicketAdminServiceServicer_to_server,
        admin,
        streams_pb2.DESCRIPTOR.services_by_name["StreamTicketAdminService"],
    )


def _edge(settings: EventBridgeSettings, work: Transactions[StoreWork], news: News) -> web.Application:
    cors = Cors(settings.event_stream_origins)
    stream = EventStream(
        tickets=FindStreamTickets(work.reading, clock=SystemClock()),
        read=ReadEvents(work.reading),
        news=news,
        cors=cors,
        most=settings.event_streams_most,
    )
    return build_edge(stream, cors=cors, news=news)

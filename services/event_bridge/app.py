"""Composition root: opens the connections and builds the service from its settings."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from latchkey.bridge.v1 import streams_pb2, streams_pb2_grpc, webhooks_pb2, webhooks_pb2_grpc
from libs.crypto.random import uuid7
from libs.crypto.sealing import KeyEncryptionKey
from libs.fetch.fetcher import open_fetcher
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.migrations import open_database
from services.event_bridge import wiring
from services.event_bridge.adapters.delivery_worker import DeliveryWorker
from services.event_bridge.adapters.event_signals import EventSignals
from services.event_bridge.adapters.feed import Feed
from services.event_bridge.adapters.http_post import FetcherPost
from services.event_bridge.adapters.subscriber_connection import SubscriberConnection
from services.event_bridge.config import EventBridgeSettings
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.http.app import build_edge
from services.event_bridge.http.cors import Cors
from services.event_bridge.http.stream import EventStream
from services.event_bridge.rpc.stream_tickets import StreamTicketAdminRpc
from services.event_bridge.rpc.webhooks import WebhookAdminRpc
from services.event_bridge.store.tables import METADATA
from services.event_bridge.store.work import StoreWork

NAME = "event-bridge"
STREAMS = ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")
SWEEP_SECONDS = 60.0


class Callbacks:
    """Calls the functions that were added. The use cases get it before the tasks exist that they wake."""

    def __init__(self) -> None:
        self._functions: list[Callable[[], None]] = []

    def add(self, *functions: Callable[[], None]) -> None:
        self._functions.extend(functions)

    def __call__(self) -> None:
        for function in self._functions:
            function()


@asynccontextmanager
async def build(settings: EventBridgeSettings) -> AsyncIterator[Service]:
    """Yield the service, ready to run. The database schema is at the version that the code needs."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database, open_fetcher(settings.webhook_policy()) as fetcher:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, StoreWork)
        queued, stored = Callbacks(), Callbacks()
        use_cases = wiring.compose(
            begin=work,
            view=work.reading,
            clock=clock,
            post=FetcherPost(fetcher, clock=clock),
            seals=_seals(settings),
            check_url=fetcher.check,
            on_queued=queued,
            on_stored=stored,
            chance=random.random,
            issuer=settings.issuer,
            holder=uuid7(clock.now()),
            max_webhooks=settings.webhooks_most,
            disable_after=settings.disable_after,
            keep=settings.keep,
            keep_unqueued=settings.stream_keep,
        )
        worker = DeliveryWorker(use_cases.deliver_event)
        signals = EventSignals(use_cases.read_events)
        queued.add(worker.wake)
        stored.add(signals.wake)
        subscriber = SubscriberConnection(settings.nats_url, settings.subscriber_nats_creds)
        feeds = {stream: Feed(stream, use_cases.store_events, bus, subscriber.client) for stream in STREAMS}
        yield Service(
            servicers=_registrations(use_cases),
            edge=_edge(settings, use_cases, signals),
            tasks={
                "bus": bus.run,
                "reading": subscriber.run,
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                **{f"feed-{stream}": feed.run for stream, feed in feeds.items()},
                "deliveries": worker.run,
                "event-signals": signals.run,
                "sweep": every(SWEEP_SECONDS, "sweep", use_cases.sweep_deliveries),
            },
            checks={
                "database": database.check,
                "bus": bus.check,
                "outbox": relay.check,
                "reading": subscriber.check,
                **{stream: feed.check for stream, feed in feeds.items()},
            },
        )


def _seals(settings: EventBridgeSettings) -> SecretSeals:
    return SecretSeals(KeyEncryptionKey(*settings.webhook_sealing_key_file.every), issuer=settings.issuer)


def _registrations(use_cases: wiring.UseCases) -> tuple[Registration, ...]:
    return (
        Registration(
            webhooks_pb2_grpc.add_WebhookAdminServiceServicer_to_server,
            WebhookAdminRpc(use_cases.webhooks),
            webhooks_pb2.DESCRIPTOR.services_by_name["WebhookAdminService"],
        ),
        Registration(
            streams_pb2_grpc.add_StreamTicketAdminServiceServicer_to_server,
            StreamTicketAdminRpc(use_cases.stream_tickets),
            streams_pb2.DESCRIPTOR.services_by_name["StreamTicketAdminService"],
        ),
    )


def _edge(settings: EventBridgeSettings, use_cases: wiring.UseCases, signals: EventSignals) -> web.Application:
    cors = Cors(settings.event_stream_origins)
    stream = EventStream(
        tickets=use_cases.stream_tickets.find,
        read=use_cases.read_events,
        signals=signals,
        cors=cors,
        max_streams=settings.event_streams_most,
    )
    return build_edge(stream, cors=cors, signals=signals)

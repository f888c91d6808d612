"""The event bridge on a real database, with a clock that tests move and receivers that answer as tests say."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from libs.crypto.sealing import KeyEncryptionKey
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.sql.database import Database
from services.event_bridge.domain.deliveries import Answer, LoggedDelivery
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import TakenEvent
from services.event_bridge.store.tables import METADATA
from services.event_bridge.store.work import StoreWork
from services.event_bridge.usecases.change_webhook import (
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    RotateWebhookSecret,
)
from services.event_bridge.usecases.create_webhook import CreateWebhook, Wanted
from services.event_bridge.usecases.deliver_event import DeliverEvent
from services.event_bridge.usecases.find_webhooks import FindWebhooks
from services.event_bridge.usecases.redeliver_events import RedeliverEvents, TestWebhook
from services.event_bridge.usecases.sweep_deliveries import SweepDeliveries
from services.event_bridge.usecases.take_events import TakeEvents

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ISSUER = "https://issuer.example"
STREAM = "LATCHKEY_EVENTS"
DAY = timedelta(days=1)
OK, DOWN, BAD = Answer(status=204), Answer(status=None, error="UNREACHABLE"), Answer(status=400)


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


@dataclass(frozen=True)
class Sent:
    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


class Receivers:
    """`answers`: by URL, or by the id of an event; OK otherwise."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.sent: list[Sent] = []

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        sent = Sent(url, body, headers)
        self.sent.append(sent)
        return self.answers.get(sent.event_id) or self.answers.get(url) or OK

    @property
    def ids(self) -> list[str]:
        return [sent.event_id for sent in self.sent]


@dataclass
class World:
    database: Database
    clock: Clock = field(default_factory=Clock)
    receivers: Receivers = field(default_factory=Receivers)
    position: int = 0

    def __post_init__(self) -> None:
        self.outbox = Outbox(METADATA, issuer=ISSUER, clock=self.clock)
        self.work = Transactions(self.database, self.outbox, StoreWork)
        self.seals = SecretSeals(KeyEncryptionKey(b"k" * 32), issuer=ISSUER)
        self.create = CreateWebhook(self.work, seals=self.seals, check_url=lambda _: None, clock=self.clock, most=5)
        self.find = FindWebhooks(self.work.reading)
        self.enable = EnableWebhook(self.work, queued=_nothing, clock=self.clock)
        self.disable = DisableWebhook(self.work)
        self.delete = DeleteWebhook(self.work)
        self.rotate = RotateWebhookSecret(self.work, seals=self.seals, clock=self.clock)
        self.redeliver = RedeliverEvents(self.work, queued=_nothing, clock=self.clock)
        self.test = TestWebhook(self.work, issuer=ISSUER, queued=_nothing, clock=self.clock)
        self.sweep = SweepDeliveries(self.work, clock=self.clock, keep=7 * DAY, keep_unwanted=timedelta(hours=1))
        self.take = self.taker("here")
        self.deliver = DeliverEvent(
            begin=self.work,
            view=self.work.reading,
            post=self.receivers,
            seals=self.seals,
            clock=self.clock,
            chance=lambda: 0.5,
            disable_after=5 * DAY,
        )

    def taker(self, holder: str) -> TakeEvents:
        return TakeEvents(self.work, holder=holder, taken=_nothing, clock=self.clock)

    async def webhook(self, url: str = "https://a.example/", *filters: str) -> tuple[Webhook, str]:
        return await self.create(Wanted(url=url, filters=filters or (">",), description=""))

    async def happen(self, *events: str) -> None:
        """Events as `id:name:subject`, taken from the stream one after the other."""
        assert await self.take.begin(STREAM, start=0) == self.position
        taken = [an_event(*text.split(":")) for text in events]
        after = self.position + len(taken)
        assert await self.take(STREAM, taken, before=self.position, after=after)
        self.position = after

    async def send(self, *, rounds: int = 1, most: int = 4) -> None:
        """What the background task does, until nothing is due or the rounds are over."""
        for _ in range(rounds):
            for webhook_id, failing in (await self.deliver.ready()).items():
                for delivery in await self.deliver.claim(webhook_id, most=1 if failing else most):
                    await self.deliver(delivery)

    async def log(self, webhook: Webhook) -> dict[str, LoggedDelivery]:
        found = await self.find.deliveries(webhook.webhook_id, state=None, limit=500)
        return {each.event_id: each for each in found}

    async def told(self) -> list[dict[str, Any]]:
        """What subscribers will see, in the order of the outbox."""
        outbox = METADATA.tables["outbox"]
        async with self.database.snapshot() as session:
            rows = (await session.execute(select(outbox.c.envelope).order_by(outbox.c.position))).scalars()
            return [json.loads(row) for row in rows]

    async def dump(self) -> str:
        """Everything in the database as text."""
        found: dict[str, list[Any]] = defaultdict(list)
        async with self.database.snapshot() as session:
            for name, table in METADATA.tables.items():
                found[name] = [tuple(row) for row in await session.execute(select(table))]
        return repr(found)


def an_event(event_id: str, name: str = "", subject: str = "alice") -> TakenEvent:
    name = name or "login.succeeded"
    body = json.dumps({"id": event_id, "type": f"latchkey.{name}.v1", "subject": subject})
    return TakenEvent(event_id=event_id, name=name, subject=subject, body=body)


def _nothing() -> None:
    pass

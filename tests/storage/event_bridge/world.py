"""The use cases of the event bridge on a real database, with a clock and receivers that tests control."""

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
from services.event_bridge.domain.deliveries import AttemptResult, LoggedDelivery
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import NewEvent
from services.event_bridge.store.tables import METADATA
from services.event_bridge.store.work import StoreWork
from services.event_bridge.usecases.create_webhook import NewWebhook
from services.event_bridge.wiring import UseCases, compose

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ISSUER = "https://issuer.example"
STREAM = "LATCHKEY_EVENTS"
DAY = timedelta(days=1)
OK, DOWN, BAD = AttemptResult(status=204), AttemptResult(status=None, error="UNREACHABLE"), AttemptResult(status=400)


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
    """Implements the Post port. `answers` has results by URL or by event id; the default is OK."""

    def __init__(self) -> None:
        self.answers: dict[str, AttemptResult] = {}
        self.sent: list[Sent] = []

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> AttemptResult:
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
        use_cases = self.replica("here")
        self.webhooks = use_cases.webhooks
        self.sweep = use_cases.sweep_deliveries
        self.store = use_cases.store_events
        self.deliver = use_cases.deliver_event

    def replica(self, holder: str) -> UseCases:
        return compose(
            begin=self.work,
            view=self.work.reading,
            clock=self.clock,
            post=self.receivers,
            seals=self.seals,
            check_url=lambda _: None,
            on_queued=_nothing,
            on_stored=_nothing,
            chance=lambda: 0.5,
            issuer=ISSUER,
            holder=holder,
            max_webhooks=5,
            disable_after=5 * DAY,
            keep=7 * DAY,
            keep_unqueued=timedelta(hours=1),
        )

    async def webhook(self, url: str = "https://a.example/", *filters: str) -> tuple[Webhook, str]:
        return await self.webhooks.create(NewWebhook(url=url, filters=filters or (">",), description=""))

    async def publish(self, *events: str) -> None:
        """Store and queue events given as `id:name:subject`."""
        assert await self.store.acquire(STREAM, start=0) == self.position
        new_events = [an_event(*text.split(":")) for text in events]
        after = self.position + len(new_events)
        assert await self.store(STREAM, new_events, before=self.position, after=after)
        self.position = after

    async def send(self, *, rounds: int = 1, limit: int = 4) -> None:
        """Claim and deliver due events, as the background task does, for a number of rounds."""
        for _ in range(rounds):
            for webhook_id, failing in (await self.deliver.ready()).items():
                for delivery in await self.deliver.claim(webhook_id, limit=1 if failing else limit):
                    await self.deliver(delivery)

    async def log(self, webhook: Webhook) -> dict[str, LoggedDelivery]:
        found = await self.webhooks.find.deliveries(webhook.webhook_id, state=None, limit=500)
        return {each.event_id: each for each in found}

    async def events(self) -> list[dict[str, Any]]:
        """Return the event envelopes in the outbox, in order."""
        outbox = METADATA.tables["outbox"]
        async with self.database.snapshot() as session:
            rows = (await session.execute(select(outbox.c.envelope).order_by(outbox.c.position))).scalars()
            return [json.loads(row) for row in rows]

    async def dump(self) -> str:
        """Return the content of all tables as text."""
        found: dict[str, list[Any]] = defaultdict(list)
        async with self.database.snapshot() as session:
            for name, table in METADATA.tables.items():
                found[name] = [tuple(row) for row in await session.execute(select(table))]
        return repr(found)


def an_event(event_id: str, name: str = "", subject: str = "alice") -> NewEvent:
    name = name or "login.succeeded"
    body = json.dumps({"id": event_id, "type": f"latchkey.{name}.v1", "subject": subject})
    return NewEvent(event_id=event_id, name=name, subject=subject, body=body)


def _nothing() -> None:
    pass

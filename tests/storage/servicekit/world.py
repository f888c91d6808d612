"""A small service of two tables, the outbox among them, for looking at what servicekit promises about both."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, func, insert, select, update

from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event
from libs.servicekit.events.outbox import Outbox, add_outbox
from libs.servicekit.events.relay import Relay
from libs.servicekit.events.unit_of_work import Transactions, UnitOfWork
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.database import Database, UtcDateTime

ISSUER = "https://id.example"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
METADATA = MetaData()
THINGS = Table(
    "things",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("secret", LargeBinary, unique=True),
    Column("at", UtcDateTime),
)
add_outbox(METADATA)
OUTBOX = METADATA.tables["outbox"]
SUBJECTS = METADATA.tables["outbox_subjects"]
ValueT = TypeVar("ValueT")


async def until(condition: Callable[[], ValueT], *, seconds: float = 15) -> ValueT:
    """Waits for a condition that is made true elsewhere; fails when it does not come true."""
    async with asyncio.timeout(seconds):
        while not (value := condition()):  # noqa: ASYNC110 - most of it happens in other processes
            await asyncio.sleep(0.005)
    return value


@dataclass
class StoppedClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


def a_event(subject: str = "user-1", number: int = 0) -> Event:
    return Event(events_pb2.AccountCreated(user_id=f"{subject}:{number}"), subject, Actor("system"))


class World:
    """One process of the service: engines and outbox of its own; several may share a database."""

    def __init__(self, database: Database, *, clock: StoppedClock | None = None) -> None:
        self.database = database
        self.clock = clock or StoppedClock()
        self.outbox = Outbox(METADATA, issuer=ISSUER, clock=self.clock)
        self.work = Transactions(database, self.outbox, UnitOfWork)

    def relay(self, bus: Bus) -> Relay:
        return Relay(self.database, METADATA, self.outbox, bus, clock=self.clock)

    def another_process(self) -> "World":
        """Close its database."""
        url = self.database.engine.url.render_as_string(hide_password=False)
        return World(Database.open(url, schema=self.database.schema), clock=self.clock)

    async def prepare(self) -> None:
        async with self.database.engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)

    async def put(self, name: str, *, number: int = 0, **values: Any) -> None:
        async with self.database.transaction() as session:
            await session.execute(insert(THINGS).values(name=name, number=number, **values))

    async def tell(self, *events: Event) -> None:
        """One transaction that makes these events true."""
        async with self.work() as work:
            work.emit(*events)

    async def names(self) -> list[str]:
        return list(await self._column(select(THINGS.c.name).order_by(THINGS.c.name)))

    async def rows(self) -> Sequence[Any]:
        """The outbox, in order."""
        async with self.database.snapshot() as session:
            return (await session.execute(select(OUTBOX).order_by(OUTBOX.c.position))).all()

    async def waiting(self) -> int:
        return int((await self._column(select(func.count()).where(OUTBOX.c.sent_at.is_(None))))[0])

    async def mark_sent(self, at: datetime, *, positions: Sequence[int]) -> None:
        async with self.database.transaction() as session:
            await session.execute(update(OUTBOX).where(OUTBOX.c.position.in_(positions)).values(sent_at=at))

    async def _column(self, query: Any) -> Sequence[Any]:
        async with self.database.snapshot() as session:
            return (await session.execute(query)).scalars().all()

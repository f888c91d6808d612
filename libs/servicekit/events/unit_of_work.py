"""The unit of work: one transaction, the repositories that live in it, and the events that it makes true."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from libs.servicekit.events.event import Event
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.sql.database import Database


class UnitOfWork:
    """What a use case works with inside one transaction. A service adds its repositories as attributes."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.emitted: list[Event] = []

    def emit(self, *events: Event) -> None:
        """Tells the world, if and when the transaction commits."""
        self.emitted.extend(events)


WorkT = TypeVar("WorkT", bound=UnitOfWork)


class Transactions(Generic[WorkT]):
    """Makes units of work: state and its events are committed together or not at all."""

    def __init__(self, database: Database, outbox: Outbox, make: Callable[[AsyncSession], WorkT]) -> None:
        self._database = database
        self._outbox = outbox
        self._make = make

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[WorkT]:
        async with self._database.transaction() as session:
            work = self._make(session)
            yield work
            if work.emitted:
                await session.flush()
                await self._outbox.write(session, work.emitted)
        if work.emitted:
            self._outbox.wake()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[WorkT]:
        """The same repositories on a snapshot; nothing may be changed and nothing can be emitted."""
        async with self._database.snapshot() as session:
            work = self._make(session)
            yield work
        if work.emitted:
            raise RuntimeError("a fact needs the transaction that makes it true")

"""The unit of work: one transaction, its repositories, and the events that it emits."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from libs.servicekit.events.event import Event
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.sql.database import Database
from libs.servicekit.sql.session import SqlSession


class UnitOfWork:
    """Repositories and emitted events of one transaction. A service adds its repositories as attributes."""

    def __init__(self, session: SqlSession) -> None:
        self.session = session
        self.emitted: list[Event] = []

    def emit(self, *events: Event) -> None:
        """Publish these events if the transaction commits."""
        self.emitted.extend(events)


WorkT = TypeVar("WorkT", bound=UnitOfWork)


class Transactions(Generic[WorkT]):
    """Opens units of work: state and events are committed together or not at all."""

    def __init__(self, database: Database, outbox: Outbox, make: Callable[[SqlSession], WorkT]) -> None:
        self._database = database
        self._outbox = outbox
        self._make = make

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[WorkT]:
        async with self._database.transaction() as session:
            work = self._make(session)
            yield work
            if work.emitted:
                await self._outbox.write(session, work.emitted)
        if work.emitted:
            self._outbox.wake(work.emitted)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[WorkT]:
        """Open a read-only unit of work. Writes and emitted events raise RuntimeError."""
        async with self._database.snapshot() as session:
            work = self._make(session)
            yield work
        if work.emitted:
            raise RuntimeError("events cannot be emitted in a read-only unit of work")

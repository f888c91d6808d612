"""Replicas of the service, each with connections of its own to one database."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import select, text

from libs.crypto.jwt import SigningKey
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.sql.database import Database
from services.key_rotation.app import generate
from services.key_rotation.domain.seals import KeySeals, Wrapping
from services.key_rotation.domain.waits import Waits
from services.key_rotation.ports import Generate, Turns
from services.key_rotation.store.rotation_lock import RotationTurns
from services.key_rotation.store.tables import METADATA
from services.key_rotation.store.work import StoreWork
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.ensure_keys import EnsureKeys
from services.key_rotation.usecases.get_signing_keys import GetSigningKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys
from services.key_rotation.usecases.revoke_key import RevokeKey
from services.key_rotation.usecases.rewrap_keys import RewrapKeys
from services.key_rotation.usecases.rotate_keys import RotateKeys
from services.key_rotation.wrappings.file import FileWrapping

ISSUER = "https://id.example"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEK = bytes(range(32))
SCHEMA = "key_rotation"
WAITS = Waits(
    jwks_max_age=timedelta(minutes=5),
    publication_max_age=timedelta(minutes=15),
    view_max_age=timedelta(minutes=5),
    announcement=timedelta(days=1),
    period=timedelta(days=30),
)


@dataclass
class StoppedClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


@cache
def ready_made(alg: str, which: int = 0) -> SigningKey:
    """Keys for tests that do not care which they are: making them costs time."""
    return SigningKey.generate(alg)


class Replica:
    def __init__(
        self,
        database: Database,
        *,
        issuer: str = ISSUER,
        kek: bytes = KEK,
        more_keks: Mapping[int, bytes] | None = None,
        kek_version: int = 1,
        wrappings: Sequence[Wrapping] = (),
        clock: Any = None,
        generate: Generate = generate,
        waits: Waits = WAITS,
        turns: Turns | None = None,
    ) -> None:
        clock = clock or StoppedClock()
        self.database = database
        self.work = Transactions(
            database, Outbox(METADATA, issuer=issuer, clock=clock), partial(StoreWork, issuer=issuer)
        )
        self.wrapping = FileWrapping({1: kek} | dict(more_keks or {}), seals=kek_version)
        self.seals = KeySeals(wrappings or [self.wrapping], issuer=issuer)
        self.ensure = EnsureKeys(
            view=self.work.reading, work=self.work, generate=generate, seals=self.seals, clock=clock
        )
        self.published = ListVerificationKeys(view=self.work.reading)
        self.signing = GetSigningKeys(published=self.published, work=self.work, seals=self.seals, issuer=issuer)
        self.clock = clock
        self.turns = turns or RotationTurns(database)
        self.advance = AdvanceKeys(
            ensure=self.ensure, view=self.work.reading, work=self.work, turns=self.turns, waits=waits, clock=clock
        )

        self.list_keys = ListKeys(view=self.work.reading)
        parts: dict[str, Any] = {"list_keys": self.list_keys, "advance": self.advance, "work": self.work}
        self.rotate = RotateKeys(**parts, waits=waits, clock=clock)
        self.revoke = RevokeKey(**parts, waits=waits, clock=clock)
        self.rewrap = RewrapKeys(list_keys=self.list_keys, work=self.work, seals=self.seals)

    async def settle(self) -> None:
        """As the timer does: until nothing more is due."""
        while await self.advance():
            pass


@asynccontextmanager
async def replica_of(url: str, **how: Any) -> AsyncIterator[Replica]:
    """A replica with an engine of its own, as another process would have."""
    database = Database.open(url, schema=SCHEMA)
    try:
        yield Replica(database, **how)
    finally:
        await database.close()


async def rows(database: Database, table: str = "signing_keys") -> Sequence[Mapping[str, Any]]:
    async with database.snapshot() as session:
        return [dict(row) for row in (await session.execute(select(METADATA.tables[table]))).mappings()]


async def states(database: Database) -> list[tuple[str, str]]:
    """Algorithm and state of every key, in order."""
    return sorted((row["alg"], row["state"]) for row in await rows(database))


async def execute(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))

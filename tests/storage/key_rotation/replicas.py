"""Replicas of the service on one database, each with its own connections."""

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
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.domain.seals import KeySeals, Wrapping
from services.key_rotation.ports import Generate, TryLock
from services.key_rotation.store.rotation_lock import RotationLock
from services.key_rotation.store.tables import METADATA
from services.key_rotation.store.work import StoreWork
from services.key_rotation.wiring import compose
from services.key_rotation.wrappings.file import FileWrapping

ISSUER = "https://id.example"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEK = bytes(range(32))
SCHEMA = "key_rotation"
POLICY = RotationPolicy(
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
    """Return a cached key, for tests that need any key. Generating keys is slow."""
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
        policy: RotationPolicy = POLICY,
        lock: TryLock | None = None,
    ) -> None:
        self.clock = clock or StoppedClock()
        self.database = database
        self.work = Transactions(
            database, Outbox(METADATA, issuer=issuer, clock=self.clock), partial(StoreWork, issuer=issuer)
        )
        self.wrapping = FileWrapping({1: kek} | dict(more_keks or {}), seals=kek_version)
        self.seals = KeySeals(wrappings or [self.wrapping], issuer=issuer)
        self.lock = lock or RotationLock(database)
        use_cases = compose(
            begin=self.work,
            view=self.work.reading,
            clock=self.clock,
            generate=generate,
            seals=self.seals,
            lock=self.lock,
            policy=policy,
            issuer=issuer,
            keep_private_keys=False,
            signatures_per_second=100,
        )
        self.ensure = use_cases.ensure_keys
        self.published = use_cases.list_verification_keys
        self.signing = use_cases.get_signing_keys
        self.advance = use_cases.advance_keys
        self.list_keys = use_cases.list_keys
        self.rotate = use_cases.rotate_keys
        self.revoke = use_cases.revoke_key
        self.rewrap = use_cases.rewrap_keys
        self.view = use_cases.signing_view
        self.sign = use_cases.sign_token

    async def settle(self) -> None:
        """Run steps until nothing is due, as the timer does."""
        while await self.advance():
            pass


@asynccontextmanager
async def replica_of(url: str, **how: Any) -> AsyncIterator[Replica]:
    """Yield a replica with its own database engine, as in another process."""
    database = Database.open(url, schema=SCHEMA)
    try:
        yield Replica(database, **how)
    finally:
        await database.close()


async def rows(database: Database, table: str = "signing_keys") -> Sequence[Mapping[str, Any]]:
    async with database.snapshot() as session:
        return [dict(row) for row in (await session.execute(select(METADATA.tables[table]))).mappings()]


async def states(database: Database) -> list[tuple[str, str]]:
    """Return algorithm and state of every key, sorted."""
    return sorted((row["alg"], row["state"]) for row in await rows(database))


async def execute(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))

"""A deployment around one database, in which a test controls the progress and the clock of every process.

Rotators, browser edges and token replicas use the real code. Each of them stops at gates, before and after database
calls and before a response arrives, until the test lets it continue.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from latchkey.keys.v1 import keys_pb2
from libs.crypto.jwt import SigningKey
from libs.crypto.strict import json_object
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.sql.database import Database
from services.authorize_frontend.published_keys import PublishedKeys
from services.key_rotation.adapters.signing_view import SigningView
from services.key_rotation.domain.rotation_policy import CLOCK_ERROR, RotationPolicy
from services.key_rotation.rpc.keys import to_signing_keys, to_verification_keys
from services.token.adapters.signing_keys import KeyView
from tests.storage.key_rotation.cached_queries import CachedQuery, CommitCounter
from tests.storage.key_rotation.replicas import ISSUER, NOON, Replica, StoppedClock, ready_made

MINUTE = timedelta(minutes=1)
_AGES = {"jwks_max_age": MINUTE, "publication_max_age": 2 * MINUTE, "view_max_age": MINUTE}
FLOOR = RotationPolicy(**_AGES, announcement=60 * MINUTE, period=60 * MINUTE).min_announcement
POLICY = RotationPolicy(**_AGES, announcement=FLOOR, period=FLOOR + 6 * MINUTE)
"""The shortest durations that are permitted."""
ERRORS = (-CLOCK_ERROR, timedelta(0), CLOCK_ERROR)
ALG = ("ES256",)
"""The tests rotate one algorithm; the other one keeps its first keys."""


@dataclass
class Truth:
    """The true time."""

    now: datetime = NOON


@dataclass
class OwnClock:
    """The clock of one process, with an error."""

    truth: Truth
    error: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.truth.now + self.error

    @contextmanager
    def at_worst(self) -> Iterator[Iterator[timedelta]]:
        """Yield an iterator that sets each possible error in turn; restores the error afterwards."""

        def each() -> Iterator[timedelta]:
            for self.error in ERRORS:
                yield self.error

        before = self.error
        yield each()
        self.error = before


class Gate:
    """A point at which a process stops until the test lets it continue."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()

    async def __call__(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        self._arrived.set()
        await self._waiting

    async def let_through(self, task: "asyncio.Task[Any]") -> None:
        """Continue to the next gate or to the end."""
        self._arrived.clear()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        arrived = asyncio.ensure_future(self._arrived.wait())
        await asyncio.wait([arrived, task], return_when=asyncio.FIRST_COMPLETED)
        arrived.cancel()


class Process:
    """Runs one task at a time; the next one begins when the last has ended."""

    def __init__(self, truth: Truth) -> None:
        self.clock = OwnClock(truth)
        self.gate = Gate()
        self.task: asyncio.Task[Any] | None = None

    async def step(self) -> None:
        if self.task is None or self.task.done():
            self.gate = Gate()
            self.task = asyncio.ensure_future(self._work())
        await self.gate.let_through(self.task)
        if self.task.done() and not self.task.cancelled():
            self.task.result()

    async def crash(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def finish(self) -> None:
        await self.step()
        while self.task is not None and not self.task.done():
            await self.step()

    def _work(self) -> Awaitable[Any]:
        raise NotImplementedError


class Rotator(Process):
    def __init__(self, truth: Truth, database: Database) -> None:
        super().__init__(truth)
        self.replica = Replica(database, clock=cast(StoppedClock, self.clock), generate=_generate, policy=POLICY)
        # Gates around all database calls.
        for part in (self.replica.advance, self.replica.ensure):
            part.view = self._gated(part.view)
            part.begin = self._gated(part.begin)

    def _gated(self, begin: Callable[[], AbstractAsyncContextManager[Any]]) -> Any:
        @asynccontextmanager
        async def gated():
            await self.gate()
            async with begin() as opened:
                yield opened
            await self.gate()

        return gated

    async def _work(self) -> None:
        await self.replica.advance.step(ALG)


class Edge(Process):
    """A browser edge, with a record of published key sets."""

    def __init__(self, truth: Truth, replica: Replica) -> None:
        super().__init__(truth)
        self._replica = replica
        self.keys = PublishedKeys(cast(Any, self), clock=self.clock)
        self.published: list[tuple[datetime, frozenset[str]]] = []

    async def ListVerificationKeys(self, _request: Any) -> Any:  # noqa: N802 - RPC name
        answer = to_verification_keys(await self._replica.published(), POLICY)
        await self.gate()
        return answer

    async def _work(self) -> None:
        await self.keys.refresh()

    @property
    def kids(self) -> frozenset[str] | None:
        """The kids that it may publish now with any clock error; None if it publishes none."""
        with self.clock.at_worst() as errors:
            documents = [document for _ in errors if (document := self.keys.document) is not None]
        return frozenset(key["kid"] for key in json_object(documents[0])["keys"]) if documents else None

    def note(self, until: datetime) -> None:
        """Record how long it may publish the current keys. Call this before the time advances."""
        if (kids := self.kids) is not None:
            last = cast(datetime, self.keys._fetched_at) + self.keys._valid_for + CLOCK_ERROR
            self.published.append((min(until, last), kids))


class Signer(Process):
    """A token replica."""

    def __init__(self, truth: Truth, replica: Replica, *, life: timedelta, error: timedelta = timedelta(0)) -> None:
        super().__init__(truth)
        self.clock.error = error
        self._replica = replica
        self.life = life
        self.view = KeyView(cast(Any, self), issuer=ISSUER, verifiable_for=life, clock=self.clock)

    async def GetSigningKeys(self, request: keys_pb2.GetSigningKeysRequest) -> Any:  # noqa: N802
        delivered = await self._replica.signing(
            request.recipient_public_key,
            verifiable_for=request.verifiable_for.ToTimedelta(),
            held=request.held_kids,
        )
        await self.gate()
        return to_signing_keys(delivered, POLICY)

    async def _work(self) -> None:
        await self.view.refresh()

    def sign(self) -> set["Token"]:
        """Return the tokens that it signs now."""
        now = self.clock.now()
        with suppress(TemporarilyUnavailable):
            return {Token(self.view.signer(ALG[0], now=now).kid, now + self.life)}
        return set()

    def sign_at_worst(self) -> set["Token"]:
        """Return the tokens that it may sign now with any clock error."""
        with self.clock.at_worst() as errors:
            return {token for _ in errors for token in self.sign()}


class RemoteSigner(Process):
    """A key-rotation replica that signs for token replicas without private keys."""

    def __init__(self, truth: Truth, replica: Replica, *, life: timedelta, error: timedelta = timedelta(0)) -> None:
        super().__init__(truth)
        self.clock.error = error
        self._replica = replica
        self.life = life
        parts: Any = {"begin": replica.work, "seals": replica.seals, "clock": self.clock}
        self.view = SigningView(published=cast(Any, self._published), max_age=POLICY.view_max_age, **parts)

    async def _published(self) -> Any:
        keys = await self._replica.published()
        await self.gate()
        return keys

    async def _work(self) -> None:
        await self.view.look()
        with suppress(TemporarilyUnavailable):
            await self.view.signer(ALG[0], verifiable_for=self.life)

    def sign(self) -> set["Token"]:
        """Return the tokens that it signs now without a query. It queries before it signs for longer than is stored."""
        with suppress(TemporarilyUnavailable):
            key = self.view._active_key(ALG[0])
            return {Token(key.kid, self.clock.now() + self.life)} if key.signs_for >= self.life else set()
        return set()

    def sign_at_worst(self) -> set["Token"]:
        with self.clock.at_worst() as errors:
            return {token for _ in errors for token in self.sign()}


@dataclass(frozen=True)
class Token:
    kid: str
    expires_at: datetime
    """By the clock of the replica that signed it."""


@dataclass
class Deployment:
    database: Database
    truth: Truth = field(default_factory=Truth)

    def __post_init__(self) -> None:
        self.rotators = [Rotator(self.truth, self.database) for _ in range(2)]
        served_by = Replica(self.database, policy=POLICY)
        # All processes query very often, and the data seldom changes.
        self.commits = CommitCounter(self.database)
        published: Any = CachedQuery(served_by.published, self.commits)
        served_by.published = served_by.signing.published = published
        self.edges = [Edge(self.truth, served_by) for _ in range(2)]
        self.signers: list[Signer | RemoteSigner] = [
            *(Signer(self.truth, served_by, life=life) for life in (MINUTE, 4 * MINUTE)),
            RemoteSigner(self.truth, served_by, life=5 * MINUTE),
        ]
        self.prompt: list[Signer | RemoteSigner] = [
            make(self.truth, served_by, life=4 * MINUTE, error=error)
            for make in (Signer, RemoteSigner)
            for error in ERRORS
        ]
        """Refreshed at every step, so that they sign with a key as early as possible by their clocks."""
        self.tokens: set[Token] = set()
        self.revoked: dict[str, datetime] = {}
        self.listed: list[tuple[datetime, frozenset[str]]] = []
        """Every key set, with the time until which it was current."""

    @property
    def processes(self) -> list[Process]:
        return [*self.rotators, *self.edges, *self.signers, *self.prompt]

    async def start(self) -> None:
        """Create the first keys and refresh every process."""
        await Replica(self.database, generate=_generate, policy=POLICY).ensure()
        for process in (*self.edges, *self.signers, *self.prompt):
            await process.finish()

    def list(self, kids: frozenset[str]) -> None:
        """Record that these keys are current; the previous set was current until now."""
        if self.listed:
            self.listed[-1] = (self.truth.now, self.listed[-1][1])
        if not self.listed or self.listed[-1][1] != kids:
            self.listed.append((self.truth.now, kids))

    def move(self, until: datetime) -> None:
        for edge in self.edges:
            edge.note(until)
        self.truth.now = until


_which = itertools.cycle((0, 1))


async def _generate(alg: str) -> SigningKey:
    """Use cached RSA keys, because generating them is slow and the tests do not rotate RS256."""
    return ready_made(alg, next(_which)) if alg == "RS256" else SigningKey.generate(alg)

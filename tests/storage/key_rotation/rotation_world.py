"""A whole deployment around one database, in which a test decides who goes on, who hangs, and what each clock shows.

Rotators, browser edges and token replicas are the real ones. Each of them hangs at its gates until it is let through:
before and after whatever it asks of the database, and while an answer is on its way.
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
from services.key_rotation import convert
from services.key_rotation.adapters.signing_view import SigningView
from services.key_rotation.domain.waits import CLOCK_ERROR, Waits
from services.token.adapters.signing_keys import KeyView
from tests.storage.key_rotation.remembered import Commits, Remembered
from tests.storage.key_rotation.replicas import ISSUER, NOON, Replica, StoppedClock, ready_made

MINUTE = timedelta(minutes=1)
_AGES = {"jwks_max_age": MINUTE, "publication_max_age": 2 * MINUTE, "view_max_age": MINUTE}
FLOOR = Waits(**_AGES, announcement=60 * MINUTE, period=60 * MINUTE).shortest_announcement
WAITS = Waits(**_AGES, announcement=FLOOR, period=FLOOR + 6 * MINUTE)
"""As short as the code lets them be."""
ERRORS = (-CLOCK_ERROR, timedelta(0), CLOCK_ERROR)
ALG = ("ES256",)
"""One algorithm is enough to look at; the other one keeps the keys that it began with."""


@dataclass
class Truth:
    """The time that it is."""

    now: datetime = NOON


@dataclass
class OwnClock:
    """What one process takes for it."""

    truth: Truth
    error: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.truth.now + self.error

    @contextmanager
    def at_worst(self) -> Iterator[Iterator[timedelta]]:
        """For each of the errors that it may have; afterwards it has the one that it had."""

        def each() -> Iterator[timedelta]:
            for self.error in ERRORS:
                yield self.error

        before = self.error
        yield each()
        self.error = before


class Gate:
    """Where a process hangs until it is let through."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()

    async def __call__(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        self._arrived.set()
        await self._waiting

    async def let_through(self, task: "asyncio.Task[Any]") -> None:
        """On to the next gate, or to the end."""
        self._arrived.clear()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        arrived = asyncio.ensure_future(self._arrived.wait())
        await asyncio.wait([arrived, task], return_when=asyncio.FIRST_COMPLETED)
        arrived.cancel()


class Process:
    """One thing at a time; a new one begins when the last has ended."""

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
        self.replica = Replica(database, clock=cast(StoppedClock, self.clock), generate=_generate, waits=WAITS)
        # A gate around whatever is asked of the database: there is no other seam to hang at.
        for part in (self.replica.advance, self.replica.ensure):
            part._view = self._gated(part._view)
            part._work = self._gated(part._work)

    def _gated(self, begin: Callable[[], AbstractAsyncContextManager[Any]]) -> Any:
        @asynccontextmanager
        async def gated():
            await self.gate()
            async with begin() as opened:
                yield opened
            await self.gate()

        return gated

    async def _work(self) -> None:
        await self.replica.advance.now(ALG)


class Edge(Process):
    """A browser edge, and what it published until when."""

    def __init__(self, truth: Truth, replica: Replica) -> None:
        super().__init__(truth)
        self._replica = replica
        self.keys = PublishedKeys(cast(Any, self), clock=self.clock)
        self.published: list[tuple[datetime, frozenset[str]]] = []

    async def ListVerificationKeys(self, _request: Any) -> Any:  # noqa: N802 - the contract's name
        answer = convert.verification_keys(await self._replica.published(), WAITS)
        await self.gate()
        return answer

    async def _work(self) -> None:
        await self.keys.refresh()

    @property
    def kids(self) -> frozenset[str] | None:
        """What it may publish now, if its clock shows the worst that it can; None when it does not."""
        with self.clock.at_worst() as errors:
            documents = [document for _ in errors if (document := self.keys.document) is not None]
        return frozenset(key["kid"] for key in json_object(documents[0])["keys"]) if documents else None

    def note(self, until: datetime) -> None:
        """To be called before time goes by: it may publish what it has for as long as its clock lets it."""
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
        return convert.delivery(delivered, WAITS)

    async def _work(self) -> None:
        await self.view.refresh()

    def sign(self) -> set["Token"]:
        """What it signs at this moment."""
        now = self.clock.now()
        with suppress(TemporarilyUnavailable):
            return {Token(self.view.signer(ALG[0], now=now).kid, now + self.life)}
        return set()

    def sign_at_worst(self) -> set["Token"]:
        """All that it may sign at this moment, whatever its clock shows."""
        with self.clock.at_worst() as errors:
            return {token for _ in errors for token in self.sign()}


class RemoteSigner(Process):
    """A key-rotation replica that signs for token replicas without private keys."""

    def __init__(self, truth: Truth, replica: Replica, *, life: timedelta, error: timedelta = timedelta(0)) -> None:
        super().__init__(truth)
        self.clock.error = error
        self._replica = replica
        self.life = life
        parts: Any = {"work": replica.work, "seals": replica.seals, "clock": self.clock}
        self.view = SigningView(published=cast(Any, self._published), max_age=WAITS.view_max_age, **parts)

    async def _published(self) -> Any:
        keys = await self._replica.published()
        await self.gate()
        return keys

    async def _work(self) -> None:
        await self.view.look()
        with suppress(TemporarilyUnavailable):
            await self.view.signer(ALG[0], verifiable_for=self.life)

    def sign(self) -> set["Token"]:
        """What it signs at this moment without asking anybody: it asks before it signs for longer than is stored."""
        with suppress(TemporarilyUnavailable):
            key = self.view._turn(ALG[0])
            return {Token(key.kid, self.clock.now() + self.life)} if key.signs_for >= self.life else set()
        return set()

    def sign_at_worst(self) -> set["Token"]:
        with self.clock.at_worst() as errors:
            return {token for _ in errors for token in self.sign()}


@dataclass(frozen=True)
class Token:
    kid: str
    expires_at: datetime
    """As it says itself: by the clock of the replica that signed it."""


@dataclass
class Deployment:
    database: Database
    truth: Truth = field(default_factory=Truth)

    def __post_init__(self) -> None:
        self.rotators = [Rotator(self.truth, self.database) for _ in range(2)]
        served_by = Replica(self.database, waits=WAITS)
        # Everybody is asked at every moment, and the database mostly has nothing new.
        self.commits = Commits(self.database)
        published: Any = Remembered(served_by.published, self.commits)
        served_by.published = served_by.signing._published = published
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
        """Hear of everything at once, so that they are the first to sign with a key, by the clocks that they have."""
        self.tokens: set[Token] = set()
        self.revoked: dict[str, datetime] = {}
        self.listed: list[tuple[datetime, frozenset[str]]] = []
        """Every key set that there was, and until when: some edge has each of them for as long as it can."""

    @property
    def processes(self) -> list[Process]:
        return [*self.rotators, *self.edges, *self.signers, *self.prompt]

    async def start(self) -> None:
        """The first keys, known to everybody."""
        await Replica(self.database, generate=_generate, waits=WAITS).ensure()
        for process in (*self.edges, *self.signers, *self.prompt):
            await process.finish()

    def list(self, kids: frozenset[str]) -> None:
        """Now these keys are in the database; the set before was there until now as well."""
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
    """RSA keys take long to make, and are only there because every algorithm has some."""
    return ready_made(alg, next(_which)) if alg == "RS256" else SigningKey.generate(alg)

"""The use cases of the device service on a real database, with a clock that tests control."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from latchkey.authentication.v1.sessions_pb2 import AttestedSession
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.sql.database import Database
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingPolls
from services.device.domain.device_codes import Approval
from services.device.domain.limits import AttemptQuota, RequestQuota
from services.device.store.tables import DEVICE_CODES, METADATA, TALLIES
from services.device.store.work import StoreWork
from services.device.usecases.create_device_code import DeviceAuthorizationRequest, IssuedCodes
from services.device.usecases.decide_device_code import Decision
from services.device.usecases.look_up_user_code import UserCodeEntry
from services.device.usecases.poll_device_code import ApprovedCode
from services.device.wiring import compose

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)
INTERVAL = timedelta(seconds=5)
NO_WAIT = timedelta()
TV = "c_tv"
DEVICE_PREFIX, BROWSER_PREFIX = "192.0.2.0/24", "198.51.100.0/24"
REQUESTS = RequestQuota(per_address=4, per_client=6, alive=8)
ATTEMPTS = AttemptQuota(per_user=3, per_address=5, overall=7)
ALICE = Approval("alice-id", "alice-session", AttestedSession(session=b"alice", mac=b"mac").SerializeToString())


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


class WatchedPolls(WaitingPolls):
    """Sets `entered` when a poll has begun to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()

    def _enter(self, code_id: str, event: asyncio.Event) -> None:
        super()._enter(code_id, event)
        self.entered.set()


class Replica:
    """One process of the service. Replicas share the database and the clock."""

    def __init__(self, work: Transactions[StoreWork], clock: Clock) -> None:
        self.waiting_polls = WatchedPolls()
        self.use_cases = compose(
            begin=work,
            view=work.reading,
            clock=clock,
            poll_times=PollTimes(),
            waiting_polls=self.waiting_polls,
            requests=REQUESTS,
            attempts=ATTEMPTS,
            lifetime=LIFETIME,
            interval=INTERVAL,
        )
        self._clock = clock

    async def create(
        self, *, client_id: str = TV, ip_prefix: str = DEVICE_PREFIX, resources: tuple[str, ...] = ()
    ) -> IssuedCodes:
        request = DeviceAuthorizationRequest(client_id, "Television", ("openid", "profile"), ip_prefix, resources)
        return await self.use_cases.create_device_code(request)

    async def poll(self, codes: IssuedCodes, *, client_id: str = TV, wait: timedelta = NO_WAIT) -> ApprovedCode:
        return await self.use_cases.poll_device_code(codes.device_code, client_id=client_id, wait=wait)

    async def redeem(self, codes: IssuedCodes, *, client_id: str = TV) -> None:
        await self.use_cases.redeem_device_code(codes.device_code, client_id=client_id)

    async def find(self, user_code: str, *, user_id: str = "alice-id", ip_prefix: str = BROWSER_PREFIX) -> Any:
        return await self.use_cases.find_user_code(UserCodeEntry(user_code, user_id, ip_prefix))

    async def decide(
        self,
        codes: IssuedCodes,
        *,
        allow: bool = True,
        approval: Approval = ALICE,
        authenticated_at: datetime | None = None,
    ) -> None:
        entry = UserCodeEntry(codes.user_code, approval.user_id, BROWSER_PREFIX)
        decision = Decision(entry, approval, authenticated_at or self._clock.now(), allow)
        await self.use_cases.decide_device_code(decision)

    async def record(self) -> bool:
        return await self.use_cases.record_polls()

    async def sweep(self) -> bool:
        return await self.use_cases.sweep_device_codes()


@dataclass
class World:
    database: Database
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        outbox = Outbox(METADATA, issuer="https://issuer.example", clock=self.clock)
        self.work = Transactions(self.database, outbox, StoreWork)
        self.here = self.replica()

    def replica(self) -> Replica:
        return Replica(self.work, self.clock)

    async def rows(self) -> Sequence[Any]:
        async with self.database.snapshot() as session:
            return (await session.execute(select(DEVICE_CODES).order_by(DEVICE_CODES.c.id))).all()

    async def row(self) -> Any:
        (row,) = await self.rows()
        return row

    async def tallies(self) -> dict[str, int]:
        async with self.database.snapshot() as session:
            return {row.key: row.counted for row in await session.execute(select(TALLIES))}

    async def events(self) -> list[dict[str, Any]]:
        """Return the event envelopes in the outbox, in order."""
        outbox = METADATA.tables["outbox"]
        async with self.database.snapshot() as session:
            rows = (await session.execute(select(outbox.c.envelope).order_by(outbox.c.position))).scalars()
            return [json.loads(row) for row in rows]

    async def event_names(self) -> list[str]:
        return [event["type"].removeprefix("latchkey.").removesuffix(".v1") for event in await self.events()]

"""The device service on a real database, with a clock that tests move."""

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
from services.device.adapters.waiting_polls import WaitingRoom
from services.device.domain.device_codes import Approval
from services.device.domain.limits import AttemptQuota, RequestQuota
from services.device.store.tables import DEVICE_CODES, METADATA, TALLIES
from services.device.store.work import StoreWork
from services.device.usecases.create_device_code import Asked, Codes, CreateDeviceCode
from services.device.usecases.decide_device_code import DecideDeviceCode, Decision
from services.device.usecases.find_user_code import FindUserCode
from services.device.usecases.look_up_user_code import LookUpUserCode, Typed
from services.device.usecases.poll_device_code import Allowed, PollDeviceCode
from services.device.usecases.record_polls import RecordPolls
from services.device.usecases.redeem_device_code import RedeemDeviceCode
from services.device.usecases.sweep_device_codes import SweepDeviceCodes

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)
INTERVAL = timedelta(seconds=5)
NO_WAIT = timedelta()
TV = "c_tv"
DEVICE_PREFIX, BROWSER_PREFIX = "192.0.2.0/24", "198.51.100.0/24"
REQUESTS = RequestQuota(per_address=4, per_client=6, alive=8)
ATTEMPTS = AttemptQuota(per_person=3, per_address=5, overall=7)
ALICE = Approval("alice-id", "alice-session", AttestedSession(session=b"alice", mac=b"vouched").SerializeToString())


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


class WatchedRoom(WaitingRoom):
    """The real one; says when a poll has begun to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()

    def _enter(self, code_id: str, event: asyncio.Event) -> None:
        super()._enter(code_id, event)
        self.entered.set()


class Replica:
    """One process of the service: what several of them share is the database and the clock."""

    def __init__(self, work: Transactions[StoreWork], clock: Clock) -> None:
        self.times, self.room = PollTimes(), WatchedRoom()
        look_up = LookUpUserCode(ATTEMPTS)
        self.create = CreateDeviceCode(begin=work, clock=clock, quota=REQUESTS, lifetime=LIFETIME, interval=INTERVAL)
        self.poll_code = PollDeviceCode(view=work.reading, begin=work, clock=clock, times=self.times, room=self.room)
        self.redeem_code = RedeemDeviceCode(begin=work, clock=clock)
        self.find_code = FindUserCode(begin=work, clock=clock, look_up=look_up)
        self.decide_code = DecideDeviceCode(begin=work, clock=clock, look_up=look_up, room=self.room)
        self.record = RecordPolls(begin=work, times=self.times)
        self.sweep = SweepDeviceCodes(begin=work, clock=clock)
        self._clock = clock

    async def ask(
        self, *, client_id: str = TV, ip_prefix: str = DEVICE_PREFIX, resources: tuple[str, ...] = ()
    ) -> Codes:
        return await self.create(Asked(client_id, "Television", ("openid", "profile"), ip_prefix, resources))

    async def poll(self, codes: Codes, *, client_id: str = TV, wait: timedelta = NO_WAIT) -> Allowed:
        return await self.poll_code(codes.device_code, client_id=client_id, wait=wait)

    async def redeem(self, codes: Codes, *, client_id: str = TV) -> None:
        await self.redeem_code(codes.device_code, client_id=client_id)

    async def find(self, user_code: str, *, user_id: str = "alice-id", ip_prefix: str = BROWSER_PREFIX) -> Any:
        return await self.find_code(Typed(user_code, user_id, ip_prefix))

    async def decide(
        self, codes: Codes, *, allow: bool = True, person: Approval = ALICE, signed_in: datetime | None = None
    ) -> None:
        typed = Typed(codes.user_code, person.user_id, BROWSER_PREFIX)
        await self.decide_code(Decision(typed, person, signed_in or self._clock.now(), allow))


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
        """What subscribers will see, in the order of the outbox."""
        outbox = METADATA.tables["outbox"]
        async with self.database.snapshot() as session:
            rows = (await session.execute(select(outbox.c.envelope).order_by(outbox.c.position))).scalars()
            return [json.loads(row) for row in rows]

    async def told(self) -> list[str]:
        return [event["type"].removeprefix("latchkey.").removesuffix(".v1") for event in await self.events()]

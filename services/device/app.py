"""Composition root: the one place that knows every part and puts them together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from latchkey.device.v1 import device_pb2, device_pb2_grpc
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.migrations import open_database
from services.device import rpc
from services.device.adapters import decision_events as news
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingRoom
from services.device.config import DeviceSettings
from services.device.store.tables import METADATA
from services.device.store.work import StoreWork
from services.device.usecases.create_device_code import CreateDeviceCode
from services.device.usecases.decide_device_code import DecideDeviceCode
from services.device.usecases.find_user_code import FindUserCode
from services.device.usecases.look_up_user_code import LookUpUserCode
from services.device.usecases.poll_device_code import PollDeviceCode
from services.device.usecases.record_polls import RecordPolls
from services.device.usecases.redeem_device_code import RedeemDeviceCode
from services.device.usecases.sweep_device_codes import SweepDeviceCodes

NAME = "device"
RECORD_SECONDS = 1.0
SWEEP_SECONDS = 15.0


@asynccontextmanager
async def build(settings: DeviceSettings) -> AsyncIterator[Service]:
    """The service, ready to run, at the schema that the code needs."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, StoreWork)
        times, room = PollTimes(), WaitingRoom()
        for subject in news.DECISIONS:
            bus.follow(subject, news.wake(room))
        record = RecordPolls(begin=work, times=times)
        sweep = SweepDeviceCodes(begin=work, clock=clock)
        yield Service(
            servicers=(_servicer(settings, work, times=times, room=room),),
            tasks={
                "bus": bus.run,
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                "record-polls": every(RECORD_SECONDS, "record-polls", record),
                "sweep-device-codes": every(SWEEP_SECONDS, "sweep-device-codes", sweep),
            },
            checks={"database": database.check, "bus": bus.check, "outbox": relay.check},
        )


def _servicer(
    settings: DeviceSettings, work: Transactions[StoreWork], *, times: PollTimes, room: WaitingRoom
) -> Registration:
    clock = SystemClock()
    look_up = LookUpUserCode(settings.attempts)
    device = rpc.Device(
        create=CreateDeviceCode(
            begin=work,
            clock=clock,
            quota=settings.requests,
            lifetime=settings.lifetime,
            interval=settings.interval,
        ),
        poll=PollDeviceCode(view=work.reading, begin=work, clock=clock, times=times, room=room),
        redeem=RedeemDeviceCode(begin=work, clock=clock),
        find=FindUserCode(begin=work, clock=clock, look_up=look_up),
        decide=DecideDeviceCode(begin=work, clock=clock, look_up=look_up, room=room),
    )
    return Registration(
        device_pb2_grpc.add_DeviceServiceServicer_to_server,
        device,
        device_pb2.DESCRIPTOR.services_by_name["DeviceService"],
    )

"""Composition root: opens the connections and builds the service from its settings."""

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
from services.device import wiring
from services.device.adapters import decision_events
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingPolls
from services.device.config import DeviceSettings
from services.device.rpc import DeviceRpc
from services.device.store.tables import METADATA
from services.device.store.work import StoreWork

NAME = "device"
RECORD_SECONDS = 1.0
SWEEP_SECONDS = 15.0


@asynccontextmanager
async def build(settings: DeviceSettings) -> AsyncIterator[Service]:
    """Yield the service, ready to run. The database schema is at the version that the code needs."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, StoreWork)
        waiting_polls = WaitingPolls()
        use_cases = wiring.compose(
            begin=work,
            view=work.reading,
            clock=clock,
            poll_times=PollTimes(),
            waiting_polls=waiting_polls,
            requests=settings.requests,
            attempts=settings.attempts,
            lifetime=settings.lifetime,
            interval=settings.interval,
        )
        for subject in decision_events.SUBJECTS:
            bus.follow(subject, decision_events.wake_waiting_polls(waiting_polls))
        yield Service(
            servicers=(_registration(use_cases),),
            tasks={
                "bus": bus.run,
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                "record-polls": every(RECORD_SECONDS, "record-polls", use_cases.record_polls),
                "sweep-device-codes": every(SWEEP_SECONDS, "sweep-device-codes", use_cases.sweep_device_codes),
            },
            checks={"database": database.check, "bus": bus.check, "outbox": relay.check},
        )


def _registration(use_cases: wiring.UseCases) -> Registration:
    return Registration(
        device_pb2_grpc.add_DeviceServiceServicer_to_server,
        DeviceRpc(use_cases),
        device_pb2.DESCRIPTOR.services_by_name["DeviceService"],
    )

"""Composition root: the one place that knows every part and puts them together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from latchkey.device.v1 import device_pb2
from libs.servicekit.bus import Bus
from libs.servicekit.clock import SystemClock
from libs.servicekit.migrations import open_database
from libs.servicekit.outbox import Outbox
from libs.servicekit.relay import PURGE_SECONDS, Relay
from libs.servicekit.service import Registration, Service
from libs.servicekit.timers import every
from services.device.config import DeviceSettings
from services.device.store.tables import METADATA

NAME = "device"


@asynccontextmanager
async def build(settings: DeviceSettings) -> AsyncIterator[Service]:
    """The service, ready to run, at the schema that the code needs."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        yield Service(
            servicers=(
                Registration(
                    _add_nothing, servicer=None, descriptor=device_pb2.DESCRIPTOR.services_by_name["DeviceService"]
                ),
            ),
            tasks={
                "bus": bus.run,
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
            },
            checks={"database": database.check, "bus": bus.check, "outbox": relay.check},
        )


def _add_nothing(_servicer: Any, _server: grpc.aio.Server) -> None:
    """DeviceService has no servicer yet: the server listens, and answers UNIMPLEMENTED to every method by itself."""

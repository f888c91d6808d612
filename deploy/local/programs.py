"""The programs of the run: NATS, the services, the playground."""

import importlib.util
import sys
from collections.abc import Mapping

from deploy.local import environment
from deploy.local.layout import Layout
from deploy.local.supervision.process import Program
from deploy.provision import nats_server
from deploy.provision.topology import NATS, PLAYGROUND, SERVICES

PLAYGROUND_PACKAGE = "deploy.playground"

STOP_ORDER = (
    (PLAYGROUND, "authorize-frontend"),
    ("token",),
    ("authentication", "device", "key-rotation", "event-bridge"),
    (NATS,),
)
"""Stop order: callers before the services that they call, NATS last, so that services can still publish events."""


def core(layout: Layout, *, inherited: Mapping[str, str]) -> list[Program]:
    """NATS and the services, in start order. They need not wait for each other.

    Raises:
        NatsServerMissingError: nats-server is not installed.
    """
    nats = Program(
        NATS,
        [str(nats_server.find_binary()), "--config", str(layout.nats_configuration)],
        dict(inherited),
        layout.home.log(NATS),
    )
    services = [
        Program(
            service.name,
            [sys.executable, "-m", f"services.{service.package}"],
            environment.of_service(service, layout, inherited=inherited),
            layout.home.log(service.name),
        )
        for service in SERVICES
    ]
    return [nats, *services]


def playground(layout: Layout, *, inherited: Mapping[str, str]) -> Program | None:
    """The playground; None when it is not part of the source tree."""
    if importlib.util.find_spec(PLAYGROUND_PACKAGE) is None:
        return None
    return Program(
        PLAYGROUND,
        [sys.executable, "-m", PLAYGROUND_PACKAGE],
        environment.of_playground(layout, inherited=inherited),
        layout.home.log(PLAYGROUND),
    )

"""What the run consists of: the bus, the services, the playground."""

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
"""Who asks others ends before whom it asks; NATS last, so that what happened can still be told."""


def core(layout: Layout, *, inherited: Mapping[str, str]) -> list[Program]:
    """NATS and the services, in the order to start them; nobody has to wait for another.

    Raises:
        NatsServerMissingError: there is no nats-server on this machine.
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
    """The playground; None in a tree without it."""
    if importlib.util.find_spec(PLAYGROUND_PACKAGE) is None:
        return None
    return Program(
        PLAYGROUND,
        [sys.executable, "-m", PLAYGROUND_PACKAGE],
        environment.of_playground(layout, inherited=inherited),
        layout.home.log(PLAYGROUND),
    )

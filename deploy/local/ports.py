"""The ports of the local run, from environment variables. All are on loopback."""

import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from deploy.provision.topology import HOST

OFFSET_VARIABLE = "LATCHKEY_INTERNAL_PORT_OFFSET"
HIGHEST = 0xFFFF

_GRPC = {"token": 9081, "authentication": 9082, "device": 9083, "key-rotation": 9084, "event-bridge": 9085}
_OPS = {
    "authorize-frontend": 9180,
    "token": 9181,
    "authentication": 9182,
    "device": 9183,
    "key-rotation": 9184,
    "event-bridge": 9185,
}


class PortProblemError(Exception):
    """Ports are invalid or in use; the message names each with its variable."""


@dataclass(frozen=True)
class Port:
    number: int
    purpose: str
    variable: str
    """The variable that sets it."""

    @property
    def address(self) -> str:
        return f"{HOST}:{self.number}"


@dataclass(frozen=True)
class Ports:
    browser: Port
    client: Port
    events: Port
    playground: Port
    nats: Port
    mail: Port
    grpc: Mapping[str, Port]
    ops: Mapping[str, Port]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Ports":
        """The ports of the environment, with defaults.

        Raises:
            PortProblemError: a value is not a port number, or two ports are equal.
        """
        offset = _number(environment, OFFSET_VARIABLE, 0)
        ports = cls(
            browser=_public(environment, "LATCHKEY_BROWSER_PORT", 8080, "the browser edge"),
            client=_public(environment, "LATCHKEY_CLIENT_PORT", 8081, "the client edge"),
            events=_public(environment, "LATCHKEY_EVENTS_PORT", 8082, "the event edge"),
            playground=_public(environment, "LATCHKEY_PLAYGROUND_PORT", 8090, "the playground"),
            nats=_public(environment, "LATCHKEY_NATS_PORT", 4222, "NATS"),
            mail=_public(environment, "LATCHKEY_MAIL_PORT", 1025, "the mailbox of the playground"),
            grpc={name: Port(base + offset, f"gRPC of {name}", OFFSET_VARIABLE) for name, base in _GRPC.items()},
            ops={name: Port(base + offset, f"health of {name}", OFFSET_VARIABLE) for name, base in _OPS.items()},
        )
        ports._check_numbers()
        return ports

    def __iter__(self) -> Iterator[Port]:
        named = (self.browser, self.client, self.events, self.playground, self.nats, self.mail)
        return iter((*named, *self.grpc.values(), *self.ops.values()))

    def _check_numbers(self) -> None:
        seen: dict[int, Port] = {}
        faults = []
        for port in self:
            if not 1 <= port.number <= HIGHEST:
                faults.append(f"port {port.number} of {port.purpose} is out of range ({port.variable})")
            elif other := seen.get(port.number):
                faults.append(
                    f"port {port.number} is assigned twice: {other.purpose} ({other.variable}), "
                    f"{port.purpose} ({port.variable})"
                )
            seen.setdefault(port.number, port)
        if faults:
            raise PortProblemError("\n".join(faults))

    def check_free(self) -> None:
        """Raises PortProblemError with one line for each port that is in use."""
        taken = [port for port in self if not is_free(port.number)]
        if taken:
            raise PortProblemError(
                "\n".join(f"port {port.number} of {port.purpose} is in use: {_remedy(port)}" for port in taken)
            )


def is_free(port: int) -> bool:
    """Whether the port is free on both addresses of `localhost`."""
    return _can_listen(socket.AF_INET, HOST, port) and (
        not socket.has_ipv6 or _can_listen(socket.AF_INET6, "::1", port)
    )


def _can_listen(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            # Like servers: a port with connections in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        # Without IPv6, the port is free there.
        return error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True


def _remedy(port: Port) -> str:
    if port.variable == OFFSET_VARIABLE:
        return f"set {OFFSET_VARIABLE} to a number that is added to all internal ports"
    return f"set {port.variable} to another port"


def _public(environment: Mapping[str, str], variable: str, default: int, purpose: str) -> Port:
    return Port(_number(environment, variable, default), purpose, variable)


def _number(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    try:
        return int(text)
    except ValueError:
        raise PortProblemError(f"{variable} must be a number, not {text!r}") from None

"""Readiness of the services, from /readyz on their health ports."""

import http.client
import json
import socket
from contextlib import closing
from dataclasses import dataclass

from deploy.local.ports import Port, Ports

_SECONDS = 3.0


@dataclass(frozen=True)
class Readiness:
    """Readiness of one service. `calm`: ready without warnings."""

    ready: bool
    calm: bool
    trouble: str = ""


def ask(port: Port) -> Readiness:
    """Reads /readyz; not ready when there is no response."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port.number, timeout=_SECONDS)) as connection:
            connection.request("GET", "/readyz")
            report = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return Readiness(ready=False, calm=False, trouble="does not answer yet")
    failing = {name: check.get("detail") or "fails" for name, check in report["checks"].items() if not check["ok"]}
    return Readiness(
        ready=bool(report["ready"]),
        calm=not failing,
        trouble=", ".join(f"{name}: {detail}" for name, detail in failing.items()),
    )


def troubles(ports: Ports, *, calm: bool) -> dict[str, str]:
    """Services that are not ready (with `calm`: or have warnings), with the failed checks."""
    answers = {service: ask(port) for service, port in ports.ops.items()}
    return {
        service: answer.trouble for service, answer in answers.items() if not answer.ready or (calm and not answer.calm)
    }


def answers(port: Port) -> bool:
    """Whether the port accepts connections."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port.number), timeout=_SECONDS)):
            return True
    except OSError:
        return False

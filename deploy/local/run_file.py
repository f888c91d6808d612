"""run.json: addresses and process IDs of the run, for the command line, the playground and tests."""

from collections.abc import Iterable
from typing import Any

from deploy.local.layout import Layout
from deploy.local.supervision.process import Child
from deploy.provision import nats_server
from deploy.provision.home import write_json
from deploy.provision.topology import SERVICES


def write_run_file(layout: Layout, children: Iterable[Child]) -> None:
    write_json(layout.home.run_file, describe(layout) | {"pids": {child.program.name: child.pid for child in children}})


def remove_run_file(layout: Layout) -> None:
    layout.home.run_file.unlink(missing_ok=True)


def describe(layout: Layout) -> dict[str, Any]:
    """Addresses and paths. It contains paths of secrets, but no secrets."""
    home, ports = layout.home, layout.ports
    services = {}
    for service in SERVICES:
        grpc = {"grpc": ports.grpc[service.name].address} if service.grpc else {}
        services[service.name] = grpc | {"ops": ports.ops[service.name].address}
    return {
        "issuer": layout.issuer,
        "client_edge": layout.client_edge,
        "playground": layout.playground,
        "mail_port": ports.mail.number,
        "nats_url": layout.nats_url,
        "services": services,
        "cli": {
            "ca": str(home.tls / "ca.pem"),
            "certificate": str(home.certificate("cli")),
            "key": str(home.key("cli")),
            "nats_creds": str(home.creds("cli")),
            "subscribers_key": str(nats_server.subscribers_key(home)),
        },
        "subscriber_creds": str(home.creds("subscriber")),
    }

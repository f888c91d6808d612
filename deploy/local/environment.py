"""The environment of each program: what it is told, and no more than it needs."""

from collections.abc import Mapping

from deploy.local.layout import Layout
from deploy.local.ports import HOST
from deploy.provision.home import VARIABLE as HOME_VARIABLE
from deploy.provision.secret_files import secret_file
from deploy.provision.topology import SERVICES, ServiceShape

SHUTDOWN_SECONDS = 2
"""A run in the foreground should end soon after Ctrl-C; production gives the services longer."""


def of_service(service: ServiceShape, layout: Layout, *, inherited: Mapping[str, str]) -> dict[str, str]:
    """`inherited` (the caller's own environment) comes through, except for what the run decides for any service."""
    decided = {name for each in SERVICES for name in _decided(each, layout)}
    passed_on = {name: value for name, value in inherited.items() if name not in decided}
    return {**_open_to_choice(layout, inherited), **passed_on, **_decided(service, layout)}


def of_playground(layout: Layout, *, inherited: Mapping[str, str]) -> dict[str, str]:
    return {**inherited, HOME_VARIABLE: str(layout.home.root)}


def _open_to_choice(layout: Layout, inherited: Mapping[str, str]) -> dict[str, str]:
    chosen = {"LATCHKEY_LOG_LEVEL": "info", "LATCHKEY_REGISTRATION": "token", "LATCHKEY_WEBHOOK_LOOPBACK": "true"}
    return chosen if "LATCHKEY_SMTP_HOST" in inherited else chosen | _mailbox(layout)


def _mailbox(layout: Layout) -> dict[str, str]:
    """Letters go to the page of the playground, and to nobody's real mailbox."""
    return {
        "LATCHKEY_SMTP_HOST": HOST,
        "LATCHKEY_SMTP_PORT": str(layout.ports.mail.number),
        "LATCHKEY_SMTP_SECURITY": "none",
        "LATCHKEY_MAIL_FROM": "no-reply@latchkey.example",
        "LATCHKEY_SIGN_UP": "true",
    }


def _decided(service: ServiceShape, layout: Layout) -> dict[str, str]:
    home, ports = layout.home, layout.ports
    told = {
        "LATCHKEY_ISSUER": layout.issuer,
        "LATCHKEY_CLIENT_EDGE_URL": layout.client_edge,
        "LATCHKEY_TLS_CA": str(home.tls / "ca.pem"),
        "LATCHKEY_TLS_CERTIFICATE": str(home.certificate(service.name)),
        "LATCHKEY_TLS_KEY": str(home.key(service.name)),
        "LATCHKEY_OPS_LISTEN": ports.ops[service.name].address,
        "LATCHKEY_NATS_URL": layout.nats_url,
        "LATCHKEY_NATS_CREDS": str(home.creds(service.name)),
        "LATCHKEY_LOG_FORMAT": "json",
        "LATCHKEY_SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
    }
    if service.grpc:
        told["LATCHKEY_GRPC_LISTEN"] = ports.grpc[service.name].address
    if service.edge:
        edges = {"browser": ports.browser, "client": ports.client, "events": ports.events}
        told["LATCHKEY_HTTP_LISTEN"] = edges[service.edge].address
    if service.database:
        told["LATCHKEY_DATABASE_URL"] = layout.database_of(service)
        told["LATCHKEY_MIGRATE_ON_START"] = "true"
    for variable, (user, _) in service.nats_users.items():
        told[variable] = str(home.creds(user))
    for callee in service.calls:
        told[f"LATCHKEY_{callee.replace('-', '_').upper()}_TARGET"] = ports.grpc[callee].address
    for variable, secret in service.secrets.items():
        told[variable] = str(secret_file(home, secret))
    return told

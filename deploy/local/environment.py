"""The environment variables of each program of the run."""

from collections.abc import Mapping

from deploy.local.layout import Layout
from deploy.provision.home import VARIABLE as HOME_VARIABLE
from deploy.provision.secret_files import secret_file
from deploy.provision.topology import HOST, SERVICES, ServiceShape

SHUTDOWN_SECONDS = 2
"""Shorter than in production, so that the run ends soon after Ctrl-C."""


def of_service(service: ServiceShape, layout: Layout, *, inherited: Mapping[str, str]) -> dict[str, str]:
    """Variables of `inherited` (the caller's environment) are passed on, unless the run sets them itself."""
    decided = {name for each in SERVICES for name in _decided(each, layout)}
    passed_on = {name: value for name, value in inherited.items() if name not in decided}
    return {**_open_to_choice(layout, inherited), **passed_on, **_decided(service, layout)}


def of_playground(layout: Layout, *, inherited: Mapping[str, str]) -> dict[str, str]:
    return {**inherited, HOME_VARIABLE: str(layout.home.root)}


def _open_to_choice(layout: Layout, inherited: Mapping[str, str]) -> dict[str, str]:
    chosen = {"LATCHKEY_LOG_LEVEL": "info", "LATCHKEY_REGISTRATION": "token", "LATCHKEY_WEBHOOK_LOOPBACK": "true"}
    return chosen if "LATCHKEY_SMTP_HOST" in inherited else chosen | _mailbox(layout)


def _mailbox(layout: Layout) -> dict[str, str]:
    """Emails go to the mailbox page of the playground."""
    return {
        "LATCHKEY_SMTP_HOST": HOST,
        "LATCHKEY_SMTP_PORT": str(layout.ports.mail.number),
        "LATCHKEY_SMTP_SECURITY": "none",
        "LATCHKEY_MAIL_FROM": "no-reply@latchkey.example",
        "LATCHKEY_SIGN_UP": "true",
    }


def _decided(service: ServiceShape, layout: Layout) -> dict[str, str]:
    home, ports = layout.home, layout.ports
    variables = {
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
        variables["LATCHKEY_GRPC_LISTEN"] = ports.grpc[service.name].address
    if service.edge:
        edges = {"browser": ports.browser, "client": ports.client, "events": ports.events}
        variables["LATCHKEY_HTTP_LISTEN"] = edges[service.edge].address
    if service.database:
        variables["LATCHKEY_DATABASE_URL"] = layout.database_of(service)
        variables["LATCHKEY_MIGRATE_ON_START"] = "true"
    for variable, (user, _) in service.nats_users.items():
        variables[variable] = str(home.creds(user))
    for callee in service.calls:
        variables[f"LATCHKEY_{callee.replace('-', '_').upper()}_TARGET"] = ports.grpc[callee].address
    for variable, secret in service.secrets.items():
        variables[variable] = str(secret_file(home, secret))
    return variables

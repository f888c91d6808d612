"""Writes the files of each container into its own folder."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.docker import addresses, roles
from deploy.provision import nats_server
from deploy.provision.home import Home, write_private
from deploy.provision.secret_files import KEY_BYTES, secret_file
from deploy.provision.topology import NATS, SERVICES, ServiceShape

CLI = "cli"
POSTGRES = "postgres"
_READABLE = 0o644  # PostgreSQL runs as another user; the file has no password


@dataclass(frozen=True)
class PublicUrls:
    issuer: str
    client_edge: str


def hand_out(home: Home, folder: Path, urls: PublicUrls) -> None:
    """Fills `folder/<owner>` from the home. Each file is replaced atomically."""
    for service in SERVICES:
        _to_service(service, home, _own(folder, service.name))
    _to_cli(home, _own(folder, CLI), urls)
    _to_nats(home, _own(folder, NATS))
    _to_postgres(home, _own(folder, POSTGRES))


def _to_service(service: ServiceShape, home: Home, own: Path) -> None:
    _identity(service.name, home, own)
    for secret in service.secrets.values():
        _copy(secret_file(home, secret), own / f"{secret}.key")
    for user, file in service.nats_users.values():
        _copy(home.creds(user), own / file)
    if service.database:
        write_private(own / "pgpass", _pgpass(service.package, password(home, service)))


def _to_cli(home: Home, own: Path, urls: PublicUrls) -> None:
    _identity(CLI, home, own)
    _copy(home.creds("subscriber"), own / "subscriber.creds")
    _copy(home.creds(nats_server.HOOKS), own / "hooks.creds")
    _copy(nats_server.subscribers_key(home), own / "subscribers.key")
    write_private(own / "run.json", json.dumps(run_file(urls), indent=2) + "\n")


def _to_nats(home: Home, own: Path) -> None:
    for name in ("nats.conf", "operator.jwt"):
        _copy(home.nats / name, own / name)
    (own / "data").mkdir(exist_ok=True)  # mount point of another volume; it cannot be created in a read-only one


def _to_postgres(home: Home, own: Path) -> None:
    script = own / "roles.sql"
    if script.exists():  # the script has run; only the salt would be new
        return
    write_private(script, role_statements(home) + roles.SUPERUSER_WITHOUT_PASSWORD)
    script.chmod(_READABLE)


def role_statements(home: Home) -> str:
    """The SQL that creates roles and schemas, with the passwords of the services."""
    verifiers = {
        service.package: roles.scram_verifier(password(home, service), salt=os.urandom(roles.SALT_BYTES))
        for service in SERVICES
        if service.database
    }
    return roles.statements(verifiers, database=addresses.DATABASE)


def _identity(name: str, home: Home, own: Path) -> None:
    _copy(home.tls / "ca.pem", own / "ca.pem")
    _copy(home.key(name), own / "key.pem")
    _copy(home.certificate(name), own / "certificate.pem")
    _copy(home.creds(name), own / "nats.creds")


def _own(folder: Path, owner: str) -> Path:
    """In a container it exists already: it is the root of a volume, with the mode from the image."""
    own = folder / owner
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    return own


def _copy(source: Path, target: Path) -> None:
    write_private(target, source.read_bytes())


def password(home: Home, service: ServiceShape) -> str:
    """The PostgreSQL password of the service, created once."""
    path = home.secrets / f"{service.name}.password"
    if not path.exists():
        write_private(path, base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("="))
    return path.read_text(encoding="ascii")


def _pgpass(role: str, password: str) -> str:
    """A password file for libpq and asyncpg, so that the password is not in an environment variable."""
    return f"{addresses.POSTGRES_HOST}:{addresses.POSTGRES_PORT}:{addresses.DATABASE}:{role}:{password}\n"


def run_file(urls: PublicUrls) -> Mapping[str, Any]:
    """run.json for the command line: addresses, and paths in its container."""
    services: dict[str, dict[str, str]] = {}
    for service in SERVICES:
        grpc = {"grpc": f"{service.name}:{addresses.GRPC_PORT}"} if service.grpc else {}
        services[service.name] = grpc | {"ops": f"{service.name}:{addresses.OPS_PORT}"}
    private = addresses.PRIVATE
    return {
        "issuer": urls.issuer,
        "client_edge": urls.client_edge,
        "nats_url": f"nats://{NATS}:{addresses.NATS_PORT}",
        "services": services,
        "cli": {
            "ca": str(private / "ca.pem"),
            "certificate": str(private / "certificate.pem"),
            "key": str(private / "key.pem"),
            "nats_creds": str(private / "nats.creds"),
            "subscribers_key": str(private / "subscribers.key"),
        },
        "subscriber_creds": str(private / "subscriber.creds"),
    }

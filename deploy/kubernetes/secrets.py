"""`python -m deploy.kubernetes.secrets --home FOLDER`: prints the Secrets of the manifests, for `kubectl apply -f -`.

The files are created once in FOLDER. Run it again with the same folder after an update, because NATS permissions may
have changed. Back up the folder: without it, stored signing keys cannot be decrypted. `--roles` prints the SQL that
prepares a database instead.
"""

import argparse
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.docker import handout
from deploy.docker.addresses import DATABASE, PRIVATE
from deploy.docker.setup import prepare
from deploy.provision.home import Home
from deploy.provision.topology import IDENTITIES, NATS, SERVICES, ServiceShape

NAMESPACE = "latchkey"
_TLS = {"ca.pem": "ca.crt", "certificate.pem": "tls.crt", "key.pem": "tls.key"}
_NOT_HERE = {"pgpass", "run.json"}
"""Files that only the Docker setup needs."""


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    home = Home(options.home.absolute())
    prepare(home, now=datetime.now(UTC))
    if options.roles:
        print(handout.role_statements(home), end="")  # noqa: T201 - the answer
        return 0
    with TemporaryDirectory() as folder:
        nowhere = handout.PublicUrls(issuer="", client_edge="")
        handout.hand_out(home, Path(folder), nowhere)
        made = secrets(home, Path(folder), postgres=options.postgres, tls=options.tls)
    json.dump({"apiVersion": "v1", "kind": "List", "items": made}, sys.stdout, indent=1)
    return 0


def secrets(home: Home, folder: Path, *, postgres: str, tls: bool) -> list[dict[str, Any]]:
    """The Secret objects from the files in `folder`. `postgres`: host:port, optionally with `?ssl=…`."""
    made = []
    for identity in IDENTITIES:
        files = _files(folder / identity)
        if tls:
            made.append(_secret(f"{identity}-tls", {key: files[name] for name, key in _TLS.items()}, kind="tls"))
        own = {name: text for name, text in files.items() if name not in _NOT_HERE and name not in _TLS}
        made.append(_secret(identity, own | _database(home, identity, postgres)))
    # The configuration contains its folder, which differs in the pod.
    nats = {name: text.replace(str(home.nats), str(PRIVATE / "nats")) for name, text in _files(folder / NATS).items()}
    return [*made, _secret(NATS, nats), _secret(handout.POSTGRES, _files(folder / handout.POSTGRES))]


def database_url(service: ServiceShape, password: str, *, postgres: str) -> str:
    """LATCHKEY_DATABASE_URL of a service; `postgres` as given to `secrets`."""
    address, question, query = postgres.partition("?")
    return f"postgresql+asyncpg://{service.package}:{password}@{address}/{DATABASE}{question}{query}"


def _database(home: Home, identity: str, postgres: str) -> dict[str, str]:
    for service in SERVICES:
        if service.name == identity and service.database:
            return {"database-url": database_url(service, handout.password(home, service), postgres=postgres)}
    return {}


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}


def _secret(name: str, content: Mapping[str, str], *, kind: str | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": f"kubernetes.io/{kind}" if kind else "Opaque",
        "metadata": {"name": name, "namespace": NAMESPACE},
        # Not stringData: kubectl apply without --server-side keeps that in an annotation, in plain text.
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in content.items()},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.kubernetes.secrets", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder from which everything is made; private")
    parser.add_argument("--postgres", default="postgres:5432", help="host:port of PostgreSQL [postgres:5432]")
    parser.add_argument("--tls", action="store_true", help="certificates too, where cert-manager does not make them")
    parser.add_argument("--roles", action="store_true", help="print the SQL for the database instead")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

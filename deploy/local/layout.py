"""One run on one machine: where its state is and which ports it has. Everything that starts or finds it begins here."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.local.ports import Ports
from deploy.provision import nats_server
from deploy.provision.ca import ensure_certificates
from deploy.provision.home import Home
from deploy.provision.secret_files import ensure_secrets
from deploy.provision.topology import IDENTITIES, ServiceShape


@dataclass(frozen=True)
class Layout:
    home: Home
    ports: Ports
    database_url: str | None = None
    """A PostgreSQL database for all services, each in its own schema; None: a SQLite file each."""

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.ports.browser.number}"

    @property
    def client_edge(self) -> str:
        return f"http://localhost:{self.ports.client.number}"

    @property
    def playground(self) -> str:
        return f"http://localhost:{self.ports.playground.number}"

    @property
    def nats_url(self) -> str:
        return f"nats://{self.ports.nats.address}"

    @property
    def nats_configuration(self) -> Path:
        return self.home.nats / "nats.conf"

    def database_of(self, service: ServiceShape) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.home.data / service.name}.sqlite3"

    def prepare(self, *, now: datetime) -> None:
        """Makes what is missing in the home, and renews what is about to expire. What is there stays as it is."""
        self.home.make_folders()
        ensure_certificates(self.home.tls, IDENTITIES, now=now)
        ensure_secrets(self.home)
        nats_server.prepare(self.home, port=self.ports.nats.number, now=now)

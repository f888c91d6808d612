"""The layout of a run on one machine: its folder, ports and URLs."""

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
    """A PostgreSQL database with one schema per service; None: one SQLite file per service."""

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
        """Creates missing files in the home and renews certificates that expire soon. Other files stay unchanged."""
        self.home.make_folders()
        ensure_certificates(self.home.tls, IDENTITIES, now=now)
        ensure_secrets(self.home)
        nats_server.prepare(self.home, port=self.ports.nats.number, now=now)

"""The table of services: listeners, databases, callees, secrets. Deployments are derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

HOST = "127.0.0.1"
"""Address of all ports of the local run."""
NATS = "nats"
PLAYGROUND = "playground"


@dataclass(frozen=True)
class ServiceShape:
    """One service; `name` is its identity in certificates and in NATS."""

    name: str
    edge: Literal["browser", "client", "events"] | None = None
    """The public HTTP edge that it serves."""
    grpc: bool = True
    database: bool = True
    calls: tuple[str, ...] = ()
    """Services that it calls over gRPC."""
    subscribes: bool = False
    """Whether it reads events with a second NATS user in the account of the subscribers."""
    nats_users: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Variable -> a further NATS user of the service, and the name of its credentials file in a deployment."""
    optional: bool = False
    """Whether it is optional: deployments leave it out by default."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Setting -> name of the secret whose file path it gets."""

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")


SERVICES = (
    ServiceShape(
        "key-rotation",
        secrets={"LATCHKEY_KEY_ENCRYPTION_KEY_FILE": "key-encryption"},
        nats_users={
            "LATCHKEY_NATS_SUBSCRIBERS_CREDS": ("key-rotation-subscribers", "subscribers.creds"),
            "LATCHKEY_NATS_READERS_CREDS": ("key-rotation-readers", "readers.creds"),
        },
    ),
    ServiceShape(
        "authentication",
        secrets={
            "LATCHKEY_SESSION_ATTESTATION_KEY_FILE": "session-attestation",
            "LATCHKEY_FACTOR_ENCRYPTION_KEY_FILE": "factor-encryption",
        },
    ),
    ServiceShape("device"),
    ServiceShape(
        "event-bridge",
        edge="events",
        subscribes=True,
        nats_users={"LATCHKEY_SUBSCRIBER_NATS_CREDS": ("event-bridge-reader", "reader.creds")},
        optional=True,
        secrets={"LATCHKEY_WEBHOOK_SEALING_KEY_FILE": "webhook-sealing"},
    ),
    ServiceShape(
        "token",
        edge="client",
        calls=("authentication", "device", "key-rotation"),
        secrets={
            "LATCHKEY_SESSION_ATTESTATION_KEY_FILE": "session-attestation",
            "LATCHKEY_CLIENT_SECRET_PEPPER_FILE": "client-secret-pepper",
            "LATCHKEY_PAIRWISE_SALT_FILE": "pairwise-salt",
        },
    ),
    ServiceShape(
        "authorize-frontend",
        edge="browser",
        grpc=False,
        database=False,
        calls=("token", "authentication", "device", "key-rotation"),
    ),
)
"""In start order; they are stopped in reverse order."""

SERVICE_NAMES = tuple(service.name for service in SERVICES)
IDENTITIES = (*SERVICE_NAMES, "cli")
SECRETS = sorted({secret for service in SERVICES for secret in service.secrets.values()})

"""The services: what each listens on, keeps, calls and is told. Everything else is derived from this table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

NATS = "nats"
PLAYGROUND = "playground"


@dataclass(frozen=True)
class ServiceShape:
    """One service; `name` is its identity, as in certificates and on the bus."""

    name: str
    edge: Literal["browser", "client", "events"] | None = None
    """Which of the public HTTP edges it serves."""
    grpc: bool = True
    database: bool = True
    calls: tuple[str, ...] = ()
    """Services that it reaches over gRPC."""
    subscribes: bool = False
    """It reads events as a subscriber does, with a second NATS user in the subscribers' account."""
    nats_users: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Variable -> its further NATS users: the user, and the name of the file in a deployment."""
    optional: bool = False
    """Latchkey is whole without it: deployments leave it out unless it is asked for."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable -> name of the secret whose file it names."""

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
"""In the order in which they are started; stopped in the reverse order."""

SERVICE_NAMES = tuple(service.name for service in SERVICES)
IDENTITIES = (*SERVICE_NAMES, "cli")
SECRETS = sorted({secret for service in SERVICES for secret in service.secrets.values()})

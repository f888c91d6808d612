"""Where things are inside of the composed stack: the same in every container, so that only names differ."""

from collections.abc import Mapping
from pathlib import Path

GRPC_PORT = 9090
OPS_PORT = 9100
HTTP_PORTS: Mapping[str, int] = {"authorize-frontend": 8080, "token": 8081, "event-bridge": 8082}
NATS_PORT = 4222
POSTGRES_HOST = "postgres"
POSTGRES_PORT = 5432
DATABASE = "latchkey"

PRIVATE = Path("/etc/latchkey")
"""Where a container finds what is its own, and where setup keeps what everything is made from."""
HANDOUT = Path("/handout")
"""Where setup sees the volumes of the others, each in a folder called as its owner."""

"""Addresses and paths inside the containers."""

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
"""The folder of a container's own files, and the folder in which setup keeps the authority."""
HANDOUT = Path("/handout")
"""The folder in which setup mounts the volumes of the other containers, each by the name of its owner."""

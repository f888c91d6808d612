"""`python -I -S probe.py`: exits with 0 when the service in this container is ready, otherwise with 1.

For container engines, which run a command inside the container. Kubernetes uses HTTP probes instead.
"""

import socket
import sys

OPS = ("127.0.0.1", 9100)
SECONDS = 3


def ready() -> bool:
    """Reads /readyz; False when there is no response."""
    try:
        with socket.create_connection(OPS, timeout=SECONDS) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if ready() else 1)

"""`python -I -S probe.py`: ends with 0 when the service in this container says that it is ready, with 1 when not.

For container engines, which ask from inside: one bare start of the interpreter. Kubernetes asks over HTTP itself.
"""

import socket
import sys

OPS = ("127.0.0.1", 9100)
SECONDS = 3


def ready() -> bool:
    """What /readyz answers; False when nobody does."""
    try:
        with socket.create_connection(OPS, timeout=SECONDS) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if ready() else 1)

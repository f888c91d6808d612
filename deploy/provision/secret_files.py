"""Secret key files of services: 32 random bytes as base64url text, created once."""

import base64
import os
from pathlib import Path

from deploy.provision.home import Home, write_private
from deploy.provision.topology import SECRETS

KEY_BYTES = 32


def secret_file(home: Home, name: str) -> Path:
    return home.secrets / f"{name}.key"


def ensure_secrets(home: Home) -> None:
    """Creates missing secrets. Existing ones are never replaced, because the data under them would be lost."""
    for name in SECRETS:
        path = secret_file(home, name)
        if not path.exists():
            write_private(path, base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=") + "\n")

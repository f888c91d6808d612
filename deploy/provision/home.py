"""The folder with the state of an installation: certificates, NATS credentials, secrets, databases, logs."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "LATCHKEY_HOME"


@dataclass(frozen=True)
class Home:
    """Paths inside LATCHKEY_HOME; an absolute `root`. Folders are 0700, private files 0600."""

    root: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Home":
        """LATCHKEY_HOME, or `.latchkey` in the project."""
        return cls(Path(environment.get(VARIABLE) or PROJECT_ROOT / ".latchkey").absolute())

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock_file(self) -> Path:
        return self.root / "run.lock"

    @property
    def run_file(self) -> Path:
        """Addresses and process IDs for the command line, the playground and tests; absent while nothing runs."""
        return self.root / "run.json"

    @property
    def playground_file(self) -> Path:
        """IDs and secrets of the demo clients."""
        return self.root / "playground.json"

    def certificate(self, identity: str) -> Path:
        return self.tls / f"{identity}.pem"

    def key(self, identity: str) -> Path:
        return self.tls / f"{identity}.key"

    def creds(self, user: str) -> Path:
        return self.nats / f"{user}.creds"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def make_folders(self) -> None:
        for folder in (self.root, self.tls, self.nats, self.data, self.secrets, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)


def write_private(path: Path, content: str | bytes) -> None:
    """Replaces the file atomically, with mode 0600."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    write_private(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The value in the file; None when the file is missing or incomplete."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None

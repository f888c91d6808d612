import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from libs.cli import main
from tests.support.mutual_tls import make_certificates
from tests.unit.cli.guarded import guarded_server, publish, run_home
from tests.unit.cli.serving import Services

__all__ = ["guarded_server", "publish", "run_home"]

VARIABLES = ("HOME", "TOKEN_TARGET", "AUTHENTICATION_TARGET", "KEY_ROTATION_TARGET", "NATS_URL", "NATS_CREDS", "ISSUER")


@dataclass(frozen=True)
class Answer:
    """Exit code and output of a call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        assert self.err == ""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        assert self.out == ""
        output: dict[str, str] = json.loads(self.err)
        return output


Latchkey = Callable[..., Answer]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def services(tls: Path) -> Iterator[Services]:
    services = Services(tls)
    services.start()
    yield services
    services.stop()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder and an environment without a Latchkey server."""
    for name in VARIABLES:
        monkeypatch.delenv(f"LATCHKEY_{name}", raising=False)
    monkeypatch.setattr("libs.cli.connection.PROJECT_ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def home(nowhere: Path, services: Services, tls: Path) -> Path:
    """The run.json of `make run`, with running services."""
    folder = nowhere / ".latchkey"
    folder.mkdir()
    write_run_file(folder, services, tls)
    return folder


def write_run_file(folder: Path, services: Services, tls: Path, *, nats_url: str = "nats://127.0.0.1:1") -> None:
    known = {name: {"grpc": target} for name, target in services.targets.items()}
    for name, address in services.ops.items():
        known.setdefault(name, {})["ops"] = address
    run = {
        "issuer": "http://localhost:8080",
        "client_edge": "http://localhost:8081",
        "nats_url": nats_url,
        "services": known,
        "cli": {
            "ca": str(tls / "ca.pem"),
            "certificate": str(tls / "cli.pem"),
            "key": str(tls / "cli.key"),
            "nats_creds": "",
        },
    }
    (folder / "run.json").write_text(json.dumps(run))


@pytest.fixture
def latchkey(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> Latchkey:
    """Calls the command with these arguments, in this process."""

    def call(*arguments: str) -> Answer:
        code = main.run(arguments)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return call

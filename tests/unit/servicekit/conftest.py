import base64
from pathlib import Path

import pytest

KEY = bytes(range(32))


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The minimal environment of a service; tests change it with `monkeypatch.setenv`."""
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).write_text("here")
    (tmp_path / "secret.key").write_text(base64.urlsafe_b64encode(KEY).decode().rstrip("=") + "\n")
    variables = {
        "LATCHKEY_ISSUER": "https://id.example",
        "LATCHKEY_TLS_CA": str(tmp_path / "ca.pem"),
        "LATCHKEY_TLS_CERTIFICATE": str(tmp_path / "own.pem"),
        "LATCHKEY_TLS_KEY": str(tmp_path / "own.key"),
        "LATCHKEY_GRPC_LISTEN": "127.0.0.1:9000",
        "LATCHKEY_HTTP_LISTEN": "[::1]:8080",
        "LATCHKEY_DATABASE_URL": "postgresql+asyncpg://latchkey:hunter2@db/latchkey",
        "LATCHKEY_NATS_URL": "nats://bus:hunter2@nats:4222",
        "LATCHKEY_OWN_KEY_FILE": str(tmp_path / "secret.key"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables

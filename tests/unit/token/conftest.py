"""An environment in which the settings of the token service load."""

from pathlib import Path

import pytest


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What there is no default for."""
    for name in ("TLS_CA", "TLS_CERTIFICATE", "TLS_KEY"):
        (tmp_path / name).touch()
        monkeypatch.setenv(f"LATCHKEY_{name}", str(tmp_path / name))
    (tmp_path / "some.key").write_text("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\n")
    for name in ("SESSION_ATTESTATION_KEY_FILE", "CLIENT_SECRET_PEPPER_FILE", "PAIRWISE_SALT_FILE"):
        monkeypatch.setenv(f"LATCHKEY_{name}", str(tmp_path / "some.key"))
    for name in ("AUTHENTICATION_TARGET", "DEVICE_TARGET", "KEY_ROTATION_TARGET", "GRPC_LISTEN", "HTTP_LISTEN"):
        monkeypatch.setenv(f"LATCHKEY_{name}", "127.0.0.1:0")
    monkeypatch.setenv("LATCHKEY_ISSUER", "http://localhost:8080")
    monkeypatch.setenv("LATCHKEY_CLIENT_EDGE_URL", "http://localhost:8081")
    monkeypatch.setenv("LATCHKEY_DATABASE_URL", "sqlite+aiosqlite:////tmp/token.sqlite3")
    monkeypatch.setenv("LATCHKEY_NATS_URL", "nats://127.0.0.1:4222")
    return monkeypatch

from datetime import timedelta
from pathlib import Path

import pytest

from libs.servicekit.base.settings import ConfigurationError, load
from services.authentication.config import AuthenticationSettings
from services.authentication.domain.sessions.session import Lifetimes


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("TLS_CA", "TLS_CERTIFICATE", "TLS_KEY"):
        (tmp_path / name).touch()
        monkeypatch.setenv(f"LATCHKEY_{name}", str(tmp_path / name))
    (tmp_path / "attestation.key").write_text("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\n")
    for name in ("SESSION_ATTESTATION_KEY_FILE", "FACTOR_ENCRYPTION_KEY_FILE"):
        monkeypatch.setenv(f"LATCHKEY_{name}", str(tmp_path / "attestation.key"))
    monkeypatch.setenv("LATCHKEY_ISSUER", "http://localhost:8080")
    monkeypatch.setenv("LATCHKEY_GRPC_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("LATCHKEY_DATABASE_URL", "sqlite+aiosqlite:////tmp/authentication.sqlite3")
    monkeypatch.setenv("LATCHKEY_NATS_URL", "nats://127.0.0.1:4222")
    return monkeypatch


def test_the_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = load(AuthenticationSettings)
    assert settings.session_attestation_key_file.every == (b"A" * 32,)
    assert settings.lifetimes == Lifetimes(idle=timedelta(hours=8), absolute=timedelta(days=14))
    assert settings.keep_ended == timedelta(days=1)
    assert settings.password_workers >= 1
    assert "AAAA" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SESSION_IDLE_SECONDS", "1"),
        ("SESSION_IDLE_SECONDS", "1300000"),
        ("SESSION_ABSOLUTE_SECONDS", "for ever"),
        ("PASSWORD_WORKERS", "0"),
        ("PASSWORD_QUEUE", "-1"),
        ("SESSION_ATTESTATION_KEY_FILE", "/nowhere"),
        ("FACTOR_ENCRYPTION_KEY_FILE", "/nowhere"),
        ("ENDED_SESSIONS_KEPT_SECONDS", "-1"),
        ("MAIL_FROM", "unknown"),
        ("PASSWORD_MIN_SCORE", "5"),
        ("BREACHED_PASSWORDS_URL", "http://ranges.example"),
        ("BREACHED_PASSWORDS_FILE", "/nowhere"),
        ("SMTP_PORT", "0"),
        ("SMTP_SECURITY", "perhaps"),
    ],
)
def test_what_cannot_be_meant_is_named(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(f"LATCHKEY_{variable}", value)
    with pytest.raises(ConfigurationError) as refusal:
        load(AuthenticationSettings)
    assert variable in str(refusal.value)


def test_without_a_mail_server_there_is_no_mail(environment: pytest.MonkeyPatch) -> None:
    assert load(AuthenticationSettings).mail_server is None


def test_a_mail_server_is_spoken_to_under_tls(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "smtp.password").write_text("s3cret\n")
    for name, value in {
        "SMTP_HOST": "mail.example.com",
        "SMTP_USERNAME": "latchkey",
        "SMTP_PASSWORD_FILE": str(tmp_path / "smtp.password"),
        "MAIL_FROM": "no-reply@example.com",
    }.items():
        environment.setenv(f"LATCHKEY_{name}", value)
    server = load(AuthenticationSettings).mail_server
    assert server is not None
    assert (server.host, server.port, server.security, server.password) == (
        "mail.example.com",
        587,
        "starttls",
        "s3cret",
    )
    assert "s3cret" not in repr(server)


@pytest.mark.s(69)
@pytest.mark.parametrize(
    "variables",
    [
        {"SMTP_HOST": "mail.example.com"},
        {"SMTP_HOST": "mail.example.com", "MAIL_FROM": "us@example.com", "SMTP_SECURITY": "none"},
        {"SMTP_HOST": "mail.example.com", "MAIL_FROM": "us@example.com", "SMTP_USERNAME": "latchkey"},
    ],
)
def test_half_a_mail_server_is_refused(environment: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        environment.setenv(f"LATCHKEY_{name}", value)
    with pytest.raises(ConfigurationError):
        load(AuthenticationSettings)

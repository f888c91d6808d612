"""Settings and parts of the process."""

import pytest

from libs.servicekit.base.settings import Address, ConfigurationError, load
from services.authorize_frontend.app import build
from services.authorize_frontend.config import AuthorizeFrontendSettings


def test_missing_settings_are_all_reported_at_once(monkeypatch):
    monkeypatch.setenv("LATCHKEY_ISSUER", "http://id.example")
    monkeypatch.setenv("LATCHKEY_BRAND_NAME", " ")
    with pytest.raises(ConfigurationError) as refusal:
        load(AuthorizeFrontendSettings)
    for name in ("ISSUER", "CLIENT_EDGE_URL", "TOKEN_TARGET", "AUTHENTICATION_TARGET", "KEY_ROTATION_TARGET"):
        assert f"LATCHKEY_{name}:" in str(refusal.value)
    for name in ("DEVICE_TARGET", "HTTP_LISTEN", "NATS_URL", "TLS_CA", "TLS_CERTIFICATE", "TLS_KEY", "BRAND_NAME"):
        assert f"LATCHKEY_{name}:" in str(refusal.value)


async def test_service_has_three_tasks_and_is_not_ready_without_keys(authority):
    settings = AuthorizeFrontendSettings(
        issuer="https://id.example",
        client_edge_url="https://token.example",
        http_listen=Address("127.0.0.1", 0),
        nats_url="nats://127.0.0.1:1",
        token_target="127.0.0.1:1",
        authentication_target="127.0.0.1:1",
        device_target="127.0.0.1:1",
        key_rotation_target="127.0.0.1:1",
        **authority.files("authorize-frontend"),
    )
    async with build(settings) as service:
        assert service.edge is not None
        assert service.servicers == ()
        assert set(service.tasks) == {"bus", "published keys", "offers"}
        checks = {name: await check() for name, check in service.checks.items()}
    assert not checks["keys"].ok
    assert checks["keys"].required
    assert not checks["bus"].required

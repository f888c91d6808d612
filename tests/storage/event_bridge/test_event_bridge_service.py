"""The event bridge over mutual TLS, with each caller, and as a process without NATS."""

import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from latchkey.bridge.v1 import webhooks_pb2 as pb
from latchkey.bridge.v1.webhooks_pb2_grpc import WebhookAdminServiceStub
from libs.oauth.errors import InvalidRequest, ServerError
from libs.servicekit.process.ops import Health
from services.event_bridge.app import build
from services.event_bridge.config import EventBridgeSettings
from tests.support.databases import KINDS, fresh_url
from tests.support.mutual_tls import called_by, environment, make_certificates, serving

METHODS = list(pb.DESCRIPTOR.services_by_name["WebhookAdminService"].methods)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=KINDS)
async def settings(
    request: pytest.FixtureRequest, tls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EventBridgeSettings]:
    key = tmp_path / "key"
    key.write_text(base64.urlsafe_b64encode(b"k" * 32).decode())
    async with fresh_url(request.param, folder=tmp_path) as url:
        for name, value in environment("event-bridge", tls=tls, database_url=url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LATCHKEY_WEBHOOK_SEALING_KEY_FILE", str(key))
        monkeypatch.setenv("LATCHKEY_HTTP_LISTEN", "127.0.0.1:0")
        yield EventBridgeSettings.model_validate({})


async def test_service_is_ready_when_nats_is_unavailable(settings: EventBridgeSettings) -> None:
    async with build(settings) as service:
        ready, report = await Health("event-bridge", service).report()
    assert ready, report


async def test_webhook_administration_over_grpc(settings: EventBridgeSettings, tls: Path) -> None:
    async with (
        serving(build, settings) as target,
        called_by("cli", target, service="event-bridge", tls=tls) as connection,
    ):
        admin = WebhookAdminServiceStub(connection)
        made = await admin.CreateWebhook(pb.CreateWebhookRequest(url="https://a.example/hook", filters=["login.>"]))
        webhook_id = made.webhook.webhook_id
        assert made.secret.startswith("whsec_")
        for url in ("http://a.example/", "https://127.0.0.1/", "https://a.example:22/"):
            with pytest.raises(InvalidRequest) as refusal:
                await admin.CreateWebhook(pb.CreateWebhookRequest(url=url, filters=[">"]))
            assert refusal.value.reason == "WEBHOOK_URL"
        await admin.DisableWebhook(pb.DisableWebhookRequest(webhook_id=webhook_id))
        (listed,) = (await admin.ListWebhooks(pb.ListWebhooksRequest())).webhooks
        assert listed.disabled_reason == pb.DISABLED_REASON_OPERATOR
        tested = await admin.TestWebhook(pb.TestWebhookRequest(webhook_id=webhook_id))
        (pending,) = (await admin.ListDeliveries(pb.ListDeliveriesRequest(webhook_id=webhook_id))).deliveries
        assert (pending.event_id, pending.state) == (tested.event_id, pb.DELIVERY_STATE_PENDING)
        await admin.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=webhook_id))
        with pytest.raises(InvalidRequest) as refusal:
            await admin.GetWebhook(pb.GetWebhookRequest(webhook_id=webhook_id))
        assert refusal.value.reason == "WEBHOOK_UNKNOWN"


@pytest.mark.s(63)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_rpc_is_refused_for_callers_other_than_cli(settings: EventBridgeSettings, tls: Path, method: Any) -> None:
    request = getattr(pb, f"{method.name}Request")()
    async with serving(build, settings) as target:
        for identity in ("token", "authorize-frontend", "cli"):
            async with called_by(identity, target, service="event-bridge", tls=tls) as connection:
                call = getattr(WebhookAdminServiceStub(connection), method.name)
                if identity == "cli":
                    with suppress(InvalidRequest):
                        await call(request)
                    continue
                with pytest.raises(ServerError) as refusal:
                    await call(request)
                assert refusal.value.reason == "EVENT_BRIDGE_PERMISSION_DENIED"

"""Events of the device grant, and notification between replicas of the device service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from deploy.local import environment
from deploy.provision.topology import SERVICES
from latchkey.device.v1 import device_pb2
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.channels import channel
from services.device.app import build
from services.device.config import DeviceSettings
from tests.flows.device import GRANT, Device, allow, open_confirmation
from tests.flows.test_events import Feed, feed, token_feed
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack

if TYPE_CHECKING:
    from latchkey.device.v1.device_pb2_grpc import DeviceServiceAsyncStub

__all__ = ["feed", "token_feed"]  # fixtures


@pytest.mark.s(35)
async def test_device_grant_emits_events_from_request_to_token(
    system: Stack, browser: Browser, feed: Feed, token_feed: Feed
) -> None:
    username, user_id = await new_user(system)
    async with await Device.new(system) as device:
        await device.ask()
        await allow(browser, device, username=username)
        await device.collect()
        requested = (await feed.until("device.requested", subject=device.client_id))["device.requested"]
        events = await feed.until("device.approved", "device.redeemed", subject=user_id)
        issued = (await token_feed.until("token.issued", subject=user_id))["token.issued"]
    in_order = [requested, events["device.approved"], events["device.redeemed"], issued]
    assert len({event["correlationid"] for event in in_order}) == 1
    assert [event["producer"] for event in in_order] == ["device", "device", "device", "token"]
    assert issued["data"]["grant_type"] == GRANT
    approved = events["device.approved"]["data"]
    assert approved["ip_prefix"] == approved["device_ip_prefix"] == "127.0.0.0/24"
    assert "code.redeemed" not in {event["type"] for event in feed.seen if event["subject"] == user_id}


async def test_denied_device_emits_an_event(system: Stack, browser: Browser, feed: Feed) -> None:
    username, user_id = await new_user(system)
    async with await Device.new(system) as device:
        await device.ask()
        await open_confirmation(browser, device, username=username)
        await browser.submit("device-deny")
        denied = (await feed.until("device.denied", subject=user_id))["device.denied"]
    assert (denied["outcome"], denied["data"]["client_id"]) == ("failure", device.client_id)


async def test_long_poll_at_another_replica_returns_at_once_after_approval(
    system: Stack, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Device.new(system) as device, another_replica(system, monkeypatch) as there:
        await device.ask()
        await open_confirmation(browser, device)
        request = device_pb2.PollDeviceCodeRequest(
            device_code=device.codes["device_code"], client_id=device.client_id, wait_seconds=5
        )
        waiting = asyncio.ensure_future(there.PollDeviceCode(request, timeout=10))
        await asyncio.sleep(0)
        await browser.submit("device-allow")
        async with asyncio.timeout(4):
            assert (await waiting).session.mac


@asynccontextmanager
async def another_replica(system: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["DeviceServiceAsyncStub"]:
    """A second device service in this process, with its own memory and the same database and NATS."""
    shape = next(service for service in SERVICES if service.name == "device")
    variables = environment.of_service(shape, system.layout, inherited={}) | {"LATCHKEY_GRPC_LISTEN": "127.0.0.1:0"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = DeviceSettings.model_validate({})
    home = system.layout.home
    caller = ServiceSettings(
        issuer=system.issuer,
        tls_ca=home.tls / "ca.pem",
        tls_certificate=home.certificate("token"),
        tls_key=home.key("token"),
    )
    async with build(settings) as service:
        bus = asyncio.create_task(service.tasks["bus"]())
        server, port = await grpc_server.start(settings, service.servicers)
        try:
            async with asyncio.timeout(10):
                while not (await service.checks["bus"]()).ok:  # noqa: ASYNC110 - readiness is asked for
                    await asyncio.sleep(0.02)
            async with channel(f"127.0.0.1:{port}", service="device", settings=caller) as connection:
                yield DeviceServiceStub(connection)
        finally:
            await server.stop(0)
            bus.cancel()
            await asyncio.wait({bus})

"""The device service as others meet it today: it is there, it is ready, and it serves no RPC yet."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from latchkey.device.v1 import device_pb2, device_pb2_grpc
from libs.oauth.errors import ServerError
from libs.servicekit.ops import Health
from services.device.app import build
from services.device.config import DeviceSettings
from tests.support.databases import KINDS, fresh_url
from tests.support.mutual_tls import called_by, environment, make_certificates, serving

METHODS = list(device_pb2.DESCRIPTOR.services_by_name["DeviceService"].methods)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=KINDS)
async def settings(
    request: pytest.FixtureRequest, tls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DeviceSettings]:
    async with fresh_url(request.param, folder=tmp_path) as url:
        for name, value in environment("device", tls=tls, database_url=url).items():
            monkeypatch.setenv(name, value)
        yield DeviceSettings.model_validate({})


async def test_it_is_ready_with_its_database_and_without_the_bus(settings: DeviceSettings) -> None:
    async with build(settings) as service:
        ready, report = await Health("device", service).report()
    assert ready, report


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_every_method_says_that_it_is_not_implemented(settings: DeviceSettings, tls: Path, method: Any) -> None:
    request = getattr(device_pb2, f"{method.name}Request")()
    async with (
        serving(build, settings) as target,
        called_by("token", target, service="device", tls=tls) as connection,
    ):
        stub = device_pb2_grpc.DeviceServiceStub(connection)
        with pytest.raises(ServerError) as refusal:
            await getattr(stub, method.name)(request)
    assert refusal.value.reason == "DEVICE_UNIMPLEMENTED"

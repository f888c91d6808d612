"""The device service over mutual TLS, with each caller, and as a process without NATS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from latchkey.authentication.v1.sessions_pb2 import AttestedSession, RequestContext, Session
from latchkey.device.v1 import device_pb2
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from libs.oauth.errors import (
    AuthorizationPending,
    InvalidGrant,
    InvalidRequest,
    LoginRequired,
    ServerError,
    SlowDown,
)
from libs.servicekit.process.ops import Health
from services.device.app import build
from services.device.config import DeviceSettings
from tests.support.databases import KINDS, fresh_url
from tests.support.mutual_tls import called_by, environment, make_certificates, serving

if TYPE_CHECKING:
    from latchkey.device.v1.device_pb2_grpc import DeviceServiceAsyncStub

METHODS = list(device_pb2.DESCRIPTOR.services_by_name["DeviceService"].methods)
ALLOW = device_pb2.DEVICE_DECISION_ALLOW
FOR_FRONTEND = {"FindUserCode", "DecideDeviceCode"}
DEVICE = RequestContext(remote_address="192.0.2.7")
BROWSER = RequestContext(remote_address="2001:db8:1:2::7")


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


class Callers:
    def __init__(self, token: "DeviceServiceAsyncStub", frontend: "DeviceServiceAsyncStub") -> None:
        self.token, self.frontend = token, frontend

    async def ask(self) -> device_pb2.CreateDeviceCodeResponse:
        return await self.token.CreateDeviceCode(
            device_pb2.CreateDeviceCodeRequest(
                client_id="c_tv", client_name="Television", scopes=["openid"], resources=["urn:x:api"], context=DEVICE
            )
        )

    async def poll(self, device_code: str, *, wait_seconds: int = 0) -> device_pb2.PollDeviceCodeResponse:
        request = device_pb2.PollDeviceCodeRequest(device_code=device_code, client_id="c_tv", wait_seconds=wait_seconds)
        return await self.token.PollDeviceCode(request, timeout=20)

    async def decide(self, user_code: str, session: AttestedSession, *, decision: Any = ALLOW) -> None:
        await self.frontend.DecideDeviceCode(
            device_pb2.DecideDeviceCodeRequest(user_code=user_code, session=session, decision=decision, context=BROWSER)
        )


@asynccontextmanager
async def callers(settings: DeviceSettings, tls: Path) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(serving(build, settings))
        token, frontend = [
            await stack.enter_async_context(called_by(identity, target, service="device", tls=tls))
            for identity in ("token", "authorize-frontend")
        ]
        yield Callers(DeviceServiceStub(token), DeviceServiceStub(frontend))


def a_session(*, age: timedelta = timedelta()) -> AttestedSession:
    session = Session(session_id="sid", user_id="alice-id")
    session.authenticated_at.FromDatetime(datetime.now(UTC) - age)
    return AttestedSession(session=session.SerializeToString(), mac=b"not verified by this service")


async def test_service_is_ready_when_nats_is_unavailable(settings: DeviceSettings) -> None:
    async with build(settings) as service:
        ready, report = await Health("device", service).report()
    assert ready, report


async def test_device_grant_over_grpc(settings: DeviceSettings, tls: Path) -> None:
    async with callers(settings, tls) as call:
        codes = await call.ask()
        assert (codes.expires_in_seconds, codes.interval_seconds) == (600, 5)
        with pytest.raises(AuthorizationPending):
            await call.poll(codes.device_code)
        with pytest.raises(SlowDown):
            await call.poll(codes.device_code)
        typed = codes.user_code.lower().replace("-", "")
        found = await call.frontend.FindUserCode(
            device_pb2.FindUserCodeRequest(user_code=typed, context=BROWSER, user_id="alice-id")
        )
        assert (found.client_name, found.requested_from, found.user_code) == (
            "Television",
            "192.0.2.0/24",
            codes.user_code,
        )
        session = a_session()
        await call.decide(found.user_code, session)
        allowed = await call.poll(codes.device_code)
        assert allowed.session == session  # byte for byte: the caller verifies the MAC
        assert list(allowed.scopes) == ["openid"]
        assert list(found.resources) == list(allowed.resources) == ["urn:x:api"]
        assert allowed.correlation_id
        request = device_pb2.RedeemDeviceCodeRequest(device_code=codes.device_code, client_id="c_tv")
        await call.token.RedeemDeviceCode(request)
        with pytest.raises(InvalidGrant):
            await call.token.RedeemDeviceCode(request)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_waiting_poll_returns_when_the_user_decides(settings: DeviceSettings, tls: Path) -> None:
    async with callers(settings, tls) as call:
        codes = await call.ask()
        waiting = asyncio.create_task(call.poll(codes.device_code, wait_seconds=5))
        await call.decide(codes.user_code, a_session())
        async with asyncio.timeout(3):
            assert (await waiting).correlation_id


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.s(35)
async def test_decision_is_refused_without_fresh_session_or_decision(settings: DeviceSettings, tls: Path) -> None:
    async with callers(settings, tls) as call:
        codes = await call.ask()
        without = device_pb2.DecideDeviceCodeRequest(user_code=codes.user_code, decision=ALLOW)
        with pytest.raises(LoginRequired):
            await call.frontend.DecideDeviceCode(without)
        with pytest.raises(LoginRequired):
            await call.decide(codes.user_code, a_session(age=timedelta(minutes=6)))
        with pytest.raises(InvalidRequest):
            await call.decide(codes.user_code, a_session(), decision=0)
        with pytest.raises(ServerError):
            await call.decide(codes.user_code, AttestedSession(session=b"\xff", mac=b""))
        with pytest.raises(AuthorizationPending):
            await call.poll(codes.device_code)


@pytest.mark.s(63)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("identity", ["token", "authorize-frontend", "authentication", "cli"])
async def test_rpc_is_refused_for_other_callers(
    settings: DeviceSettings, tls: Path, method: Any, identity: str
) -> None:
    request = getattr(device_pb2, f"{method.name}Request")()
    permitted = "authorize-frontend" if method.name in FOR_FRONTEND else "token"
    async with (
        serving(build, settings) as target,
        called_by(identity, target, service="device", tls=tls) as connection,
    ):
        call = getattr(DeviceServiceStub(connection), method.name)
        if identity != permitted:
            with pytest.raises(ServerError) as refusal:
                await call(request)
            assert refusal.value.reason == "DEVICE_PERMISSION_DENIED"
            return
        with suppress(InvalidRequest, InvalidGrant):  # the caller is permitted; the empty request is refused
            await call(request)


@pytest.mark.s(34)
@pytest.mark.parametrize("name", ["LATCHKEY_DEVICE_CODE_SECONDS", "LATCHKEY_DEVICE_POLL_SECONDS"])
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
async def test_settings_refuse_lifetime_and_interval_above_the_maximum(
    settings: DeviceSettings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "601")
    with pytest.raises(ValueError, match="less than or equal"):
        DeviceSettings.model_validate({})

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from latchkey.authentication.v1.addresses_pb2_grpc import AddressServiceStub
from latchkey.authentication.v1.factors_pb2_grpc import FactorServiceStub, ProofServiceStub
from latchkey.authentication.v1.offers_pb2_grpc import OfferServiceStub
from latchkey.authentication.v1.password_resets_pb2_grpc import PasswordResetServiceStub
from latchkey.authentication.v1.profile_pb2_grpc import ProfileServiceStub
from latchkey.authentication.v1.sessions_pb2_grpc import SessionServiceStub
from latchkey.authentication.v1.sign_ups_pb2_grpc import SignUpServiceStub
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceStub
from latchkey.token.v1.authorization_pb2_grpc import AuthorizationServiceStub
from latchkey.token.v1.consents_pb2_grpc import ConsentServiceStub
from libs.servicekit.base.settings import Address, GrpcSettings
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.channels import channel
from services.authorize_frontend.app import edge_application
from services.authorize_frontend.backends import Backends
from services.authorize_frontend.capabilities import Capabilities
from services.authorize_frontend.config import AuthorizeFrontendSettings
from services.authorize_frontend.published_keys import PublishedKeys
from tests.unit.authorize_frontend.authority import Authority
from tests.unit.authorize_frontend.browser import Browser, session
from tests.unit.authorize_frontend.fakes import FakeServices

ISSUER = "http://localhost:8080"


class Clock:
    """A clock that only tests advance."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


@dataclass(frozen=True)
class Running:
    """The service under test, and its fake backends."""

    browser: Browser
    keys: PublishedKeys
    port: int
    clock: Clock
    app: web.Application


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def issuer() -> str:
    """Settings that a test can parametrize."""
    return ISSUER


@pytest.fixture
def extra_settings() -> dict[str, Any]:
    return {}


@pytest.fixture
async def running(
    services: FakeServices,
    authority: Authority,
    issuer: str,
    extra_settings: dict[str, Any],
    tmp_path: Path,
) -> AsyncIterator[Running]:
    """The real application on a loopback port, with mutual TLS to the fakes."""
    async with AsyncExitStack() as stack:
        targets = [await _serve(stack, authority, fake) for fake in services]
        settings = AuthorizeFrontendSettings(
            issuer=issuer,
            client_edge_url="http://localhost:8081",
            http_listen=Address("127.0.0.1", 0),
            nats_url="nats://127.0.0.1:1",
            token_target=targets[0],
            authentication_target=targets[1],
            device_target=targets[2],
            key_rotation_target=targets[3],
            **authority.files("authorize-frontend"),
            **extra_settings,
        )
        names = ("token", "authentication", "device", "key-rotation")
        channels = [
            await stack.enter_async_context(channel(target, service=name, settings=settings))
            for target, name in zip(targets, names, strict=True)
        ]
        backends = Backends(
            AuthorizationServiceStub(channels[0]),
            ConsentServiceStub(channels[0]),
            SessionServiceStub(channels[1]),
            ProofServiceStub(channels[1]),
            FactorServiceStub(channels[1]),
            OfferServiceStub(channels[1]),
            AddressServiceStub(channels[1]),
            SignUpServiceStub(channels[1]),
            PasswordResetServiceStub(channels[1]),
            ProfileServiceStub(channels[1]),
            DeviceServiceStub(channels[2]),
            VerificationKeyServiceStub(channels[3]),
        )
        keys = PublishedKeys(backends.keys, clock=(clock := Clock()))
        capabilities = Capabilities(backends.capabilities)
        await capabilities.refresh()
        app = edge_application(settings, backends, keys, capabilities)
        server = TestServer(app)
        await stack.enter_async_context(server)
        http = await stack.enter_async_context(session())
        assert server.port is not None
        yield Running(Browser(http, f"http://127.0.0.1:{server.port}"), keys, server.port, clock, app)


async def _serve(stack: AsyncExitStack, authority: Authority, fake) -> str:
    identity = {
        "FakeToken": "token",
        "FakeAuthentication": "authentication",
        "FakeDevice": "device",
        "FakeKeyRotation": "key-rotation",
    }
    files = authority.files(identity[type(fake).__name__])
    settings = GrpcSettings(issuer=ISSUER, grpc_listen=Address("127.0.0.1", 0), **files)
    server, port = await grpc_server.start(settings, fake.registrations())
    fake.stop = partial(server.stop, None)
    stack.push_async_callback(fake.stop)
    return f"127.0.0.1:{port}"


@pytest.fixture
def browser(running: Running) -> Browser:
    return running.browser

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from libs.servicekit.base.service import Registration
from libs.servicekit.base.settings import Address, GrpcSettings
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.channels import channel
from tests.support.mutual_tls import ISSUER, make_certificates

Serve = Callable[..., Awaitable[str]]
Connect = Callable[..., Awaitable[grpc.aio.Channel]]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of our authority."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def foreign_tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates with the same names from an untrusted certificate authority."""
    return make_certificates(tmp_path_factory.mktemp("foreign-tls"))


def settings_of(identity: str, tls: Path, *, ca: Path | None = None) -> GrpcSettings:
    """Settings of a service; `ca`: folder of another certificate authority that it trusts."""
    return GrpcSettings(
        issuer=ISSUER,
        tls_ca=(ca or tls) / "ca.pem",
        tls_certificate=tls / f"{identity}.pem",
        tls_key=tls / f"{identity}.key",
        grpc_listen=Address("127.0.0.1", 0),
    )


@pytest.fixture
async def serve(tls: Path) -> AsyncIterator[Serve]:
    """Serves registrations as an identity; returns the target."""
    async with AsyncExitStack() as stack:

        async def start(registrations: Sequence[Registration], *, identity: str = "token", folder: Path = tls) -> str:
            server, port = await grpc_server.start(settings_of(identity, folder), registrations)
            stack.push_async_callback(server.stop, None)
            return f"127.0.0.1:{port}"

        yield start


@pytest.fixture
async def connect(tls: Path) -> AsyncIterator[Connect]:
    """A channel to a target as an identity."""
    async with AsyncExitStack() as stack:

        async def open_channel(
            target: str, *, identity: str, service: str = "token", folder: Path = tls, ca: Path | None = None
        ) -> grpc.aio.Channel:
            settings = settings_of(identity, folder, ca=ca)
            return await stack.enter_async_context(channel(target, service=service, settings=settings))

        yield open_channel

"""Runs services in process behind mutual TLS, with certificates of a test CA, the caller check and typed errors.

async with serving(build, settings) as target, called_by("cli", target, service="authentication", tls=tls) as channel:
    ...
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import grpc

from deploy.provision.ca import ensure_certificates
from libs.servicekit.base.service import Service
from libs.servicekit.base.settings import GrpcSettings, ServiceSettings
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.channels import channel

IDENTITIES = ("authorize-frontend", "token", "authentication", "device", "key-rotation", "event-bridge", "cli")
ISSUER = "https://issuer.example"
SettingsT = TypeVar("SettingsT", bound=GrpcSettings)


def make_certificates(folder: Path) -> Path:
    """A CA and a certificate for each identity; returns the folder."""
    ensure_certificates(folder, IDENTITIES, now=datetime.now(UTC))
    return folder


def environment(identity: str, *, tls: Path, database_url: str) -> dict[str, str]:
    """The environment of a gRPC service. No server listens at the NATS URL: services work without NATS."""
    return {
        "LATCHKEY_ISSUER": ISSUER,
        "LATCHKEY_TLS_CA": str(tls / "ca.pem"),
        "LATCHKEY_TLS_CERTIFICATE": str(tls / f"{identity}.pem"),
        "LATCHKEY_TLS_KEY": str(tls / f"{identity}.key"),
        "LATCHKEY_GRPC_LISTEN": "127.0.0.1:0",
        "LATCHKEY_DATABASE_URL": database_url,
        "LATCHKEY_MIGRATE_ON_START": "true",
        "LATCHKEY_NATS_URL": "nats://127.0.0.1:1",
    }


@asynccontextmanager
async def serving(
    build: Callable[[SettingsT], AbstractAsyncContextManager[Service]], settings: SettingsT
) -> AsyncIterator[str]:
    """The address at which the service serves gRPC."""
    async with build(settings) as service:
        server, port = await grpc_server.start(settings, service.servicers)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(0)


@asynccontextmanager
async def called_by(identity: str, target: str, *, service: str, tls: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to `service` with the certificate of `identity`."""
    settings = ServiceSettings(
        issuer=ISSUER, tls_ca=tls / "ca.pem", tls_certificate=tls / f"{identity}.pem", tls_key=tls / f"{identity}.key"
    )
    async with channel(target, service=service, settings=settings) as connection:
        yield connection

"""Internal certificates that expire and are renewed while both sides run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from deploy.provision import ca
from latchkey.keys.v1 import keys_pb2, keys_pb2_grpc
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base.service import Registration
from libs.servicekit.grpc import certificates
from libs.servicekit.grpc.server import start
from tests.contract.conftest import settings_of

SERVICE = "key-rotation"
CALLER = "token"


class Keys(keys_pb2_grpc.VerificationKeyServiceServicer):
    async def ListVerificationKeys(self, request, context):  # noqa: N802 - as the contract names it
        return keys_pb2.ListVerificationKeysResponse()


REGISTRATION = Registration(
    keys_pb2_grpc.add_VerificationKeyServiceServicer_to_server,
    Keys(),
    keys_pb2.DESCRIPTOR.services_by_name["VerificationKeyService"],
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Valid certificates of both sides, looked at for every call."""
    monkeypatch.setattr(certificates, "CHECK_SECONDS", 0.0)
    ca.ensure_certificates(tmp_path, [SERVICE, CALLER], now=datetime.now(UTC))
    return tmp_path


def issue(folder: Path, identity: str, *, now: datetime) -> None:
    """Replaces the certificate of an identity by one that was issued at this time."""
    authority = ca._read(folder / "ca.pem", folder / "ca.key")
    assert authority
    ca.issue(authority, identity, now=now).write(folder / f"{identity}.pem", folder / f"{identity}.key")


async def call(channel: grpc.aio.Channel) -> None:
    await keys_pb2_grpc.VerificationKeyServiceStub(channel).ListVerificationKeys(
        keys_pb2.ListVerificationKeysRequest(), timeout=1
    )


@pytest.mark.s(63)
@pytest.mark.parametrize("identity", [SERVICE, CALLER])
async def test_calls_work_again_after_an_expired_certificate_is_renewed_without_restart(folder, connect, identity):
    issue(folder, identity, now=datetime.now(UTC) - ca.LEAF_LIFE - timedelta(hours=1))
    server, port = await start(settings_of(SERVICE, folder), [REGISTRATION])
    channel = await connect(f"127.0.0.1:{port}", identity=CALLER, service=SERVICE, folder=folder)
    try:
        with pytest.raises(TemporarilyUnavailable):
            await call(channel)
        issue(folder, identity, now=datetime.now(UTC))
        await call(channel)
    finally:
        await server.stop(None)


async def test_open_calls_finish_when_the_certificate_of_the_caller_is_renewed(folder, connect):
    server, port = await start(settings_of(SERVICE, folder), [REGISTRATION])
    channel = await connect(f"127.0.0.1:{port}", identity=CALLER, service=SERVICE, folder=folder)
    try:
        for _ in range(20):
            issue(folder, CALLER, now=datetime.now(UTC))
            await call(channel)
    finally:
        await server.stop(None)

"""The key-rotation process, and its RPCs over mutual TLS."""

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from deploy.provision.ca import ensure_certificates
from latchkey.keys.v1 import admin_pb2, admin_pb2_grpc, keys_pb2, keys_pb2_grpc
from libs.crypto.jwt import KeySet, SigningKey, VerificationKey
from libs.crypto.sealing import Recipient, delivery_binding
from libs.crypto.strict import json_object
from libs.oauth.errors import InvalidRequest, OAuthError
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.channels import channel
from services.key_rotation.app import build
from services.key_rotation.config import KeyRotationSettings
from tests.storage.key_rotation.replicas import ISSUER

IDENTITIES = ("key-rotation", "token", "authorize-frontend", "cli", "device", "authentication")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    ensure_certificates(folder, IDENTITIES, now=datetime.now(UTC))
    return folder


@pytest.fixture
def environment(tls: Path, tmp_path: Path, url: str) -> dict[str, str]:
    kek = tmp_path / "kek"
    kek.write_text(base64.urlsafe_b64encode(bytes(range(32))).decode())
    return {
        "LATCHKEY_ISSUER": ISSUER,
        "LATCHKEY_TLS_CA": str(tls / "ca.pem"),
        "LATCHKEY_TLS_CERTIFICATE": str(tls / "key-rotation.pem"),
        "LATCHKEY_TLS_KEY": str(tls / "key-rotation.key"),
        "LATCHKEY_GRPC_LISTEN": "127.0.0.1:0",
        "LATCHKEY_DATABASE_URL": url,
        # No server listens there: the service works without NATS.
        "LATCHKEY_NATS_URL": "nats://127.0.0.1:1",
        "LATCHKEY_KEY_ENCRYPTION_KEY_FILE": str(kek),
    }


@pytest.fixture
async def target(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Yield the address of the running service."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = KeyRotationSettings.model_validate({})
    async with build(settings) as service:
        server, port = await grpc_server.start(settings, service.servicers)
        yield f"127.0.0.1:{port}"
        await server.stop(0)


@asynccontextmanager
async def called_by(identity: str, target: str, tls: Path) -> AsyncIterator[grpc.aio.Channel]:
    settings = ServiceSettings(
        issuer=ISSUER, tls_ca=tls / "ca.pem", tls_certificate=tls / f"{identity}.pem", tls_key=tls / f"{identity}.key"
    )
    async with channel(target, service="key-rotation", settings=settings) as connection:
        yield connection


async def test_token_service_gets_signing_keys(target: str, tls: Path):
    recipient = Recipient()
    async with called_by("token", target, tls) as connection:
        stub = keys_pb2_grpc.SigningKeyServiceStub(connection)
        answer = await stub.GetSigningKeys(keys_pb2.GetSigningKeysRequest(recipient_public_key=recipient.public_key))
    published = KeySet(VerificationKey.from_jwk(json_object(key.jwk)) for key in answer.verification_keys)
    assert len(answer.signing_keys) == 4
    for sealed in answer.signing_keys:
        bound_to = delivery_binding(issuer=ISSUER, kid=sealed.kid, alg=sealed.alg)
        key = SigningKey.from_pkcs8(sealed.kid, sealed.alg, recipient.open(sealed.sealed, bound_to=bound_to))
        found = published.find(sealed.kid)
        assert found is not None
        assert found.public_jwk() == key.public_jwk()
    active = {key.kid for key in answer.verification_keys if key.state == keys_pb2.KEY_STATE_ACTIVE}
    assert {key.kid for key in answer.signing_keys if key.HasField("activates_at")} == active


@pytest.mark.parametrize("identity", ["authorize-frontend", "token", "cli"])
async def test_permitted_callers_get_verification_keys(target: str, tls: Path, identity: str):
    async with called_by(identity, target, tls) as connection:
        stub = keys_pb2_grpc.VerificationKeyServiceStub(connection)
        answer = await stub.ListVerificationKeys(keys_pb2.ListVerificationKeysRequest())
    assert sorted((key.alg, key.state) for key in answer.keys) == [
        ("ES256", keys_pb2.KEY_STATE_NEXT),
        ("ES256", keys_pb2.KEY_STATE_ACTIVE),
        ("RS256", keys_pb2.KEY_STATE_NEXT),
        ("RS256", keys_pb2.KEY_STATE_ACTIVE),
    ]


@pytest.mark.s(63)
@pytest.mark.parametrize("identity", ["authorize-frontend", "cli", "device", "authentication", "key-rotation"])
async def test_signing_keys_are_refused_for_callers_other_than_token(target: str, tls: Path, identity: str):
    async with called_by(identity, target, tls) as connection:
        stub = keys_pb2_grpc.SigningKeyServiceStub(connection)
        with pytest.raises(OAuthError) as refusal:
            await stub.GetSigningKeys(keys_pb2.GetSigningKeysRequest(recipient_public_key=Recipient().public_key))
    assert refusal.value.reason == "KEY_ROTATION_PERMISSION_DENIED"


async def test_invalid_recipient_key_is_refused_over_grpc(target: str, tls: Path):
    async with called_by("token", target, tls) as connection:
        stub = keys_pb2_grpc.SigningKeyServiceStub(connection)
        with pytest.raises(InvalidRequest) as refusal:
            await stub.GetSigningKeys(keys_pb2.GetSigningKeysRequest(recipient_public_key=b"short"))
    assert refusal.value.reason == "RECIPIENT_KEY_INVALID"


async def test_verifiable_for_out_of_range_is_refused(target: str, tls: Path):
    async with called_by("token", target, tls) as connection:
        for seconds in (400 * 86_400 + 1, 315_576_000_000, -1):
            lives = Duration(seconds=seconds)
            request = keys_pb2.SignRequest(alg="ES256", typ="JWT", claims=b"{}", verifiable_for=lives)
            for asked in (
                keys_pb2_grpc.SigningServiceStub(connection).Sign(request),
                keys_pb2_grpc.SigningKeyServiceStub(connection).GetSigningKeys(
                    keys_pb2.GetSigningKeysRequest(recipient_public_key=Recipient().public_key, verifiable_for=lives)
                ),
            ):
                with pytest.raises(InvalidRequest) as refusal:
                    await asked
                assert refusal.value.reason == "VERIFIABLE_FOR"


@pytest.mark.s(70)
async def test_key_administration_over_grpc(target: str, tls: Path):
    async with called_by("cli", target, tls) as connection:
        stub = admin_pb2_grpc.KeyAdminServiceStub(connection)
        listed = (await stub.ListKeys(admin_pb2.ListKeysRequest())).keys
        assert [(key.alg, key.kek_version) for key in listed] == [(alg, 1) for alg in ("RS256", "ES256") for _ in "ab"]
        first = next(key for key in listed if key.alg == "ES256" and key.state == keys_pb2.KEY_STATE_ACTIVE)
        revocation = await stub.RevokeKey(
            admin_pb2.RevokeKeyRequest(kid=first.kid, reason=admin_pb2.REVOCATION_REASON_COMPROMISED)
        )
        assert revocation.exposed_until.ToDatetime() > revocation.keys[0].published_at.ToDatetime()
        revoked = next(key for key in revocation.keys if key.state == keys_pb2.KEY_STATE_REVOKED)
        assert (revoked.kid, revoked.revocation_reason) == (first.kid, admin_pb2.REVOCATION_REASON_COMPROMISED)
        assert (revoked.kek_version, revoked.HasField("revoked_at")) == (0, True)
        rotated = (await stub.RotateKeys(admin_pb2.RotateKeysRequest(alg="RS256"))).keys
        assert [key.state for key in rotated] == [keys_pb2.KEY_STATE_ACTIVE, keys_pb2.KEY_STATE_NEXT]
        assert (await stub.RewrapKeys(admin_pb2.RewrapKeysRequest())) == admin_pb2.RewrapKeysResponse()


async def test_revoke_key_is_refused_without_a_reason(target: str, tls: Path):
    async with called_by("cli", target, tls) as connection:
        with pytest.raises(InvalidRequest) as refusal:
            await admin_pb2_grpc.KeyAdminServiceStub(connection).RevokeKey(admin_pb2.RevokeKeyRequest(kid="k"))
    assert refusal.value.reason == "REASON_MISSING"


@pytest.mark.s(63)
@pytest.mark.parametrize("identity", ["authorize-frontend", "token", "device", "authentication", "key-rotation"])
async def test_revoke_key_is_refused_for_callers_other_than_cli(target: str, tls: Path, identity: str):
    async with called_by(identity, target, tls) as connection:
        with pytest.raises(OAuthError) as refusal:
            await admin_pb2_grpc.KeyAdminServiceStub(connection).RevokeKey(admin_pb2.RevokeKeyRequest(kid="k"))
    assert refusal.value.reason == "KEY_ROTATION_PERMISSION_DENIED"


async def _exit_of(environment: Mapping[str, str], *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.key_rotation", *arguments),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_start_fails_with_a_wrong_key_encryption_key(environment: dict[str, str], target: str, tmp_path: Path):
    another = tmp_path / "another"
    another.write_text(base64.urlsafe_b64encode(bytes(32)).decode())
    code, said = await _exit_of(environment | {"LATCHKEY_KEY_ENCRYPTION_KEY_FILE": str(another)})
    assert code == 1
    assert "LATCHKEY_KEY_ENCRYPTION_KEY_FILE" in said
    assert "Traceback" not in said


async def test_all_configuration_errors_are_reported_together(tmp_path: Path):
    short = tmp_path / "short"
    short.write_text("AAAA")
    code, said = await _exit_of({"LATCHKEY_KEY_ENCRYPTION_KEY_FILE": str(short), "LATCHKEY_KEY_CHECK_SECONDS": "0"})
    assert code == 2
    for variable in ("KEY_ENCRYPTION_KEY_FILE", "KEY_CHECK_SECONDS", "ISSUER", "TLS_CA", "DATABASE_URL", "NATS_URL"):
        assert f"LATCHKEY_{variable}" in said


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_start_fails_with_a_too_short_announcement(environment: dict[str, str]):
    code, said = await _exit_of(environment | {"LATCHKEY_KEY_ANNOUNCEMENT_SECONDS": "2699"})
    assert code == 2
    assert "LATCHKEY_KEY_ANNOUNCEMENT_SECONDS" in said
    assert "2700 s at least: 2 x 300 s in caches, 900 s at the browser edge, 1200 s for clocks" in said


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_start_fails_with_a_version_that_is_not_in_the_file(environment: dict[str, str]):
    code, said = await _exit_of(environment | {"LATCHKEY_KEY_ENCRYPTION_KEY_VERSION": "2"})
    assert code == 2
    assert "LATCHKEY_KEY_ENCRYPTION_KEY_VERSION is not in LATCHKEY_KEY_ENCRYPTION_KEY_FILE" in said

"""The service while the vault is unavailable."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from latchkey.keys.v1 import admin_pb2, keys_pb2
from libs.crypto.sealing import Recipient
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base.service import Service
from services.key_rotation.adapters.key_ages import ROTATION_FAILURES
from services.key_rotation.adapters.sealing_health import KEY_ENCRYPTION_UP
from services.key_rotation.app import build
from services.key_rotation.config import KeyRotationSettings
from tests.storage.key_rotation.transit import Vault
from tests.storage.key_rotation.wrapped import of_vault, settings_of


@pytest.fixture
def settings(url: str, vault: Vault, tmp_path: Path) -> KeyRotationSettings:
    given = {"key_wrapping": "vault", **of_vault(vault, tmp_path)}
    shared: Mapping[str, Any] = settings_of(tmp_path, **given).model_dump(exclude_unset=True)
    more = {"grpc_listen": "127.0.0.1:0", "database_url": url, "nats_url": "nats://127.0.0.1:1"}
    return KeyRotationSettings.model_validate({**shared, **more})


def _servicer(service: Service, name: str) -> Any:
    return next(each.servicer for each in service.servicers if each.descriptor.name == name)


async def test_held_keys_and_revocation_work_when_the_vault_is_unavailable(settings: KeyRotationSettings, vault: Vault):
    async with build(settings) as service:
        assert (await service.checks["key-encryption"]()).ok
        assert KEY_ENCRYPTION_UP._value.get() == 1
    vault.sealed = True
    async with build(settings) as service:
        check = await service.checks["key-encryption"]()
        assert (check.ok, check.required, check.detail) == (False, False, "KEK_UNREACHABLE")
        assert KEY_ENCRYPTION_UP._value.get() == 0
        signing, admin = _servicer(service, "SigningKeyService"), _servicer(service, "KeyAdminService")
        listed = (await admin.ListKeys(admin_pb2.ListKeysRequest(), None)).keys
        public_key, held = Recipient().public_key, [key.kid for key in listed]
        request = keys_pb2.GetSigningKeysRequest(recipient_public_key=public_key, held_kids=held)
        assert len((await signing.GetSigningKeys(request, None)).signing_keys) == 4
        with pytest.raises(TemporarilyUnavailable, match="KEK_UNREACHABLE"):
            await signing.GetSigningKeys(keys_pb2.GetSigningKeysRequest(recipient_public_key=public_key), None)
        active = next(key for key in listed if key.state == keys_pb2.KEY_STATE_ACTIVE)
        reason = admin_pb2.REVOCATION_REASON_SUSPECTED
        await admin.RevokeKey(admin_pb2.RevokeKeyRequest(kid=active.kid, reason=reason), None)
        vault.sealed = False
        listed = (await admin.RotateKeys(admin_pb2.RotateKeysRequest(), None)).keys
        assert len(listed) >= 3


async def test_failed_rotation_run_is_counted(settings: KeyRotationSettings, vault: Vault):
    async with build(settings):
        pass
    vault.sealed = True
    async with build(settings) as service:
        admin = _servicer(service, "KeyAdminService")
        listed = (await admin.ListKeys(admin_pb2.ListKeysRequest(), None)).keys
        following = next(key for key in listed if key.state == keys_pb2.KEY_STATE_NEXT)
        reason = admin_pb2.REVOCATION_REASON_SUSPECTED
        await admin.RevokeKey(admin_pb2.RevokeKeyRequest(kid=following.kid, reason=reason), None)
        before = ROTATION_FAILURES._value.get()
        looking = asyncio.create_task(service.tasks["rotation"]())
        async with asyncio.timeout(10):
            while ROTATION_FAILURES._value.get() == before:  # noqa: ASYNC110 - the task has no signal
                await asyncio.sleep(0.01)
        looking.cancel()
        await asyncio.wait([looking])


async def test_start_fails_without_keys_when_the_vault_is_unavailable(settings: KeyRotationSettings, vault: Vault):
    vault.sealed = True
    with pytest.raises(OSError, match="no signing keys: KEK_UNREACHABLE"):
        async with build(settings):
            pass


async def test_start_fails_when_the_vault_key_ignores_associated_data(settings: KeyRotationSettings, vault: Vault):
    vault.keys["latchkey"].knows_associated_data = False
    with pytest.raises(OSError, match="LATCHKEY_KEY_WRAPPING"):
        async with build(settings):
            pass

"""Moving keys between wrappings: every key is kept, and the old wrapping is not needed afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libs.crypto.errors import SealBroken
from services.key_rotation.usecases.rewrap_keys import RewrapResult
from tests.storage.key_rotation.replicas import POLICY, Replica, replica_of, rows
from tests.storage.key_rotation.softhsm import SoftHsm
from tests.storage.key_rotation.transit import Vault
from tests.storage.key_rotation.wrapped import of_file, of_module, of_vault, open_configured


async def _can_open(url: str, folder: Path, given: Mapping[str, Any]) -> bool:
    async with open_configured(folder, given) as wrappings, replica_of(url, wrappings=wrappings) as replica:
        try:
            await replica.signing.check_seals()
        except SealBroken:
            return False
        return True


async def test_keys_can_be_rewrapped_from_file_to_vault_to_pkcs11_and_back(
    url: str, replica: Replica, vault: Vault, hsm: SoftHsm, tmp_path: Path
):
    await replica.settle()
    sealed = {row["kid"]: row["sealed_private"] for row in await rows(replica.database)}
    places = {
        "file": of_file(tmp_path),
        "vault": of_vault(vault, tmp_path),
        "pkcs11": of_module(hsm, tmp_path),
    }
    for former, place in (("file", "vault"), ("vault", "pkcs11"), ("pkcs11", "file")):
        given = {"key_wrapping": place, "key_wrapping_formerly": former, **places[place], **places[former]}
        async with open_configured(tmp_path, given) as wrappings, replica_of(url, wrappings=wrappings) as moving:
            await moving.signing.check_seals()
            assert await moving.rewrap() == RewrapResult(done=4, remaining=0)
            assert await moving.rewrap() == RewrapResult(done=0, remaining=0)
            assert {row["kek"] for row in await rows(moving.database)} == {place}
        assert await _can_open(url, tmp_path, {"key_wrapping": place, **places[place]})
        assert not await _can_open(url, tmp_path, {"key_wrapping": former, **places[former]})
    assert {row["kid"]: row["sealed_private"] for row in await rows(replica.database)} == sealed


async def test_rotation_continues_while_keys_are_rewrapped(url: str, replica: Replica, vault: Vault, tmp_path: Path):
    await replica.settle()
    replica.clock.move(POLICY.period)
    given = {"key_wrapping": "vault", "key_wrapping_formerly": "file", **of_file(tmp_path), **of_vault(vault, tmp_path)}
    async with (
        open_configured(tmp_path, given) as wrappings,
        replica_of(url, wrappings=wrappings, clock=replica.clock) as moving,
    ):
        await moving.settle()
        private = [row["kek"] for row in await rows(moving.database) if row["sealed_private"]]
        assert sorted(private) == ["file", "file", "vault", "vault"]
        assert await moving.rewrap() == RewrapResult(done=2, remaining=0)
        await moving.signing.check_seals()


async def test_keys_are_rewrapped_under_a_new_vault_version(url: str, replica: Replica, vault: Vault, tmp_path: Path):
    given = {"key_wrapping": "vault", **of_vault(vault, tmp_path)}
    async with open_configured(tmp_path, given) as wrappings, replica_of(url, wrappings=wrappings) as sealed:
        await sealed.settle()
        vault.keys["latchkey"].rotate()
        assert await sealed.rewrap() == RewrapResult(done=4, remaining=0)
        assert {row["kek_version"] for row in await rows(sealed.database)} == {2}
        vault.keys["latchkey"].oldest = 2
        await sealed.signing.check_seals()


async def test_key_cannot_be_opened_when_its_wrapping_name_is_changed(
    url: str, replica: Replica, vault: Vault, tmp_path: Path
):
    given = {"key_wrapping": "vault", "key_wrapping_formerly": "file", **of_file(tmp_path), **of_vault(vault, tmp_path)}
    async with open_configured(tmp_path, given) as wrappings, replica_of(url, wrappings=wrappings) as both:
        await both.settle()
        key = (await both.list_keys())[0]
        assert key.private is not None
        with pytest.raises(SealBroken):
            await both.seals.open(replace(key.private, kek="file"), kid=key.kid, alg=key.alg)

"""Rewrapping keys under a new key-encryption key."""

from collections.abc import Mapping
from typing import Any

import pytest

from libs.crypto.errors import SealBroken
from libs.servicekit.sql.database import Database
from services.key_rotation.usecases.rewrap_keys import RewrapResult
from tests.storage.key_rotation.replicas import KEK, POLICY, Replica, replica_of, rows

SECOND_KEK = b"\2" * 32


async def _secrets(database: Database) -> dict[str, Mapping[str, Any]]:
    return {row["kid"]: row for row in await rows(database)}


async def _deliverable(replica: Replica) -> int:
    await replica.signing.check_seals()
    return len((await replica.signing(bytes(31) + b"\x09")).signing)


async def test_all_configured_versions_decrypt_and_one_encrypts(url: str, replica: Replica):
    await replica.settle()
    replica.clock.move(POLICY.period)
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2, clock=replica.clock) as new:
        await new.settle()
        assert {row["kek_version"] for row in await rows(new.database) if row["sealed_private"]} == {1, 2}
        assert await _deliverable(new) == 4
        async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=1) as old_version:
            assert await _deliverable(old_version) == 4
        with pytest.raises(SealBroken):
            await replica.signing.check_seals()


async def test_old_key_encryption_key_is_not_needed_after_rewrap(url: str, replica: Replica):
    await replica.settle()
    before = await _secrets(replica.database)
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2) as new:
        assert await new.rewrap() == RewrapResult(done=4, remaining=0)
        assert await new.rewrap() == RewrapResult(done=0, remaining=0)
    after = await _secrets(replica.database)
    for kid, row in after.items():
        assert row["kek_version"] == 2
        assert row["sealed_private"] == before[kid]["sealed_private"]
        assert row["wrapped_data_key"] != before[kid]["wrapped_data_key"]
    async with replica_of(url, kek=SECOND_KEK) as wrong_number:
        with pytest.raises(SealBroken):
            await wrong_number.signing.check_seals()
    async with replica_of(url, kek=b"\0" * 32, more_keks={2: SECOND_KEK}, kek_version=2) as alone:
        assert await _deliverable(alone) == 4


async def test_interrupted_rewrap_can_be_continued(url: str, replica: Replica, monkeypatch: pytest.MonkeyPatch):
    await replica.settle()
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2) as new:
        rewrap, done = new.seals.rewrap, 0

        async def dying(sealed: Any, **of: Any) -> Any:
            nonlocal done
            done += 1
            if done > 2:
                raise OSError("power cut")
            return await rewrap(sealed, **of)

        monkeypatch.setattr(new.seals, "rewrap", dying)
        with pytest.raises(OSError, match="power cut"):
            await new.rewrap()
        assert sorted(row["kek_version"] for row in await rows(new.database)) == [1, 1, 2, 2]
        assert await _deliverable(new) == 4
        monkeypatch.setattr(new.seals, "rewrap", rewrap)
        assert await new.rewrap() == RewrapResult(done=2, remaining=0)


async def test_rewrap_skips_keys_that_changed_meanwhile(url: str, replica: Replica, monkeypatch: pytest.MonkeyPatch):
    await replica.settle()
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2) as new:
        keys = await new.list_keys()
        await rotate_all(replica)

        async def as_they_were() -> Any:
            return keys

        monkeypatch.setattr(new.rewrap, "list_keys", as_they_were)
        assert (await new.rewrap()).remaining == 4
        monkeypatch.setattr(new.rewrap, "list_keys", new.list_keys)
        assert (await new.rewrap()).remaining == 0
        assert {row["kek_version"] for row in await rows(new.database) if row["sealed_private"]} == {2}


async def rotate_all(replica: Replica) -> None:
    """Change all four keys that have a private key."""
    replica.clock.move(POLICY.period)
    await replica.settle()


async def test_rewrap_fails_without_the_old_key_encryption_key(url: str, replica: Replica):
    await replica.settle()
    before = await _secrets(replica.database)
    async with replica_of(url, kek=bytes(32), more_keks={2: SECOND_KEK}, kek_version=2) as new:
        with pytest.raises(SealBroken):
            await new.rewrap()
    assert await _secrets(replica.database) == before
    assert bytes(32) != KEK

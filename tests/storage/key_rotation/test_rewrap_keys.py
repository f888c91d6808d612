"""A new key-encryption key: nothing is lost on the way, and nothing of the old one is needed in the end."""

from collections.abc import Mapping
from typing import Any

import pytest

from libs.crypto.errors import SealBroken
from libs.servicekit.sql.database import Database
from services.key_rotation.usecases.rewrap_keys import Rewrapped
from tests.storage.key_rotation.replicas import KEK, WAITS, Replica, replica_of, rows

SECOND_KEK = b"\2" * 32


async def _secrets(database: Database) -> dict[str, Mapping[str, Any]]:
    return {row["kid"]: row for row in await rows(database)}


async def _deliverable(replica: Replica) -> int:
    await replica.signing.check_seals()
    return len((await replica.signing(bytes(31) + b"\x09")).signing)


async def test_while_both_are_there_either_seals_and_both_open(url: str, replica: Replica):
    await replica.settle()
    replica.clock.move(WAITS.period)
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2, clock=replica.clock) as new:
        await new.settle()
        assert {row["kek_version"] for row in await rows(new.database) if row["sealed_private"]} == {1, 2}
        assert await _deliverable(new) == 4
        async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=1) as not_yet_told:
            assert await _deliverable(not_yet_told) == 4
        with pytest.raises(SealBroken):
            await replica.signing.check_seals()


async def test_afterwards_the_old_one_is_not_needed(url: str, replica: Replica):
    await replica.settle()
    before = await _secrets(replica.database)
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2) as new:
        assert await new.rewrap() == Rewrapped(done=4, remaining=0)
        assert await new.rewrap() == Rewrapped(done=0, remaining=0)
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


async def test_a_job_that_dies_goes_on_where_it_was(url: str, replica: Replica, monkeypatch: pytest.MonkeyPatch):
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
        assert await new.rewrap() == Rewrapped(done=2, remaining=0)


async def test_a_key_that_is_changed_meanwhile_is_left_for_the_next_time(
    url: str, replica: Replica, monkeypatch: pytest.MonkeyPatch
):
    await replica.settle()
    async with replica_of(url, more_keks={2: SECOND_KEK}, kek_version=2) as new:
        keys = await new.list_keys()
        await replica_rotates(replica)

        async def as_they_were() -> Any:
            return keys

        monkeypatch.setattr(new.rewrap, "_list_keys", as_they_were)
        assert (await new.rewrap()).remaining == 4
        monkeypatch.setattr(new.rewrap, "_list_keys", new.list_keys)
        assert (await new.rewrap()).remaining == 0
        assert {row["kek_version"] for row in await rows(new.database) if row["sealed_private"]} == {2}


async def replica_rotates(replica: Replica) -> None:
    """All four keys that hold a private half change."""
    replica.clock.move(WAITS.period)
    await replica.settle()


async def test_without_the_older_one_nothing_is_wrapped_anew(url: str, replica: Replica):
    await replica.settle()
    before = await _secrets(replica.database)
    async with replica_of(url, kek=bytes(32), more_keks={2: SECOND_KEK}, kek_version=2) as new:
        with pytest.raises(SealBroken):
            await new.rewrap()
    assert await _secrets(replica.database) == before
    assert bytes(32) != KEK

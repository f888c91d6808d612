from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type

from libs.crypto import passwords
from libs.servicekit.sql.database import Database
from tests.storage.authentication.world import World
from tests.support.databases import KINDS, fresh_database


@pytest.fixture(autouse=True)
def password_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the parameters of argon2id by its smallest ones, which saves half of the time of these tests.

    Tests that measure the time of a hash override this fixture; tests/unit/crypto tests the real parameters.
    """
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "DUMMY", passwords.DUMMY.replace("m=19456,t=2", "m=8,t=1"))


_REAL = (passwords._hasher, passwords.DUMMY)


@pytest.fixture
def real_password_hasher(password_hasher: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real parameters of argon2id, for tests in which several hashes have to be computed at the same time."""
    hasher, dummy = _REAL
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "DUMMY", dummy)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, service="authentication", folder=tmp_path) as database:
        yield database


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    yield world
    world.passwords.close()


@pytest.fixture
async def alice(world: World) -> str:
    """The id of a user who can sign in."""
    return (await world.user("alice", name="Alice Example")).id

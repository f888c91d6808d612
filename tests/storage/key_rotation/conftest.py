from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from libs.servicekit.sql.database import Database
from libs.servicekit.sql.migrations import schema_of
from libs.servicekit.sql.schema_history import upgrade
from tests.storage.key_rotation.replicas import Replica
from tests.storage.key_rotation.softhsm import SoftHsm, new_module
from tests.storage.key_rotation.transit import Vault, running_vault
from tests.support.databases import KINDS, fresh_url


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Yield the URL of an empty database with the schema of this service, for each kind of database."""
    async with fresh_url(request.param, folder=tmp_path) as url:
        database = Database.open(url, schema=schema_of("key-rotation"))
        await upgrade(database, service="key-rotation")
        await database.close()
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database.open(url, schema=schema_of("key-rotation"))
    yield database
    await database.close()


@pytest.fixture
def replica(database: Database) -> Replica:
    return Replica(database)


@pytest.fixture
async def vault() -> AsyncIterator[Vault]:
    async with running_vault() as vault:
        yield vault


@pytest.fixture(scope="session")
def _module(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    return new_module(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture
def hsm(_module: SoftHsm, request: pytest.FixtureRequest) -> SoftHsm:
    """Return a security module with a key label of this test. Version 1 of the key exists."""
    own = replace(_module, key=f"latchkey {hash(request.node.nodeid) & 0xFFFFFFFF:x}")
    own.make_key(1)
    return own

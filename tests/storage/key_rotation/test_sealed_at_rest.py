"""Encryption at rest: the database alone contains no usable key."""

import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from libs.crypto.errors import SealBroken
from libs.crypto.jwt import SigningKey
from libs.servicekit.sql.database import Database
from tests.storage.key_rotation.replicas import Replica, execute, ready_made, replica_of, rows

ANOTHER_KEK = bytes(32)
_ACTIVE = "WHERE alg = 'ES256' AND state = 'active'"
_OF_NEXT = "SELECT {} FROM signing_keys WHERE alg = 'ES256' AND state = 'next'"


def _secrets(key: SigningKey) -> list[bytes]:
    private = load_der_private_key(key.to_pkcs8(), password=None)
    numbers = (
        [private.private_numbers().d, private.private_numbers().p, private.private_numbers().q]
        if isinstance(private, RSAPrivateKey)
        else [private.private_numbers().private_value]  # type: ignore[union-attr]
    )
    return [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in numbers]


async def test_database_contains_no_private_key_material(database: Database, url: str):
    made: list[SigningKey] = []

    async def remember(alg: str) -> SigningKey:
        made.append(ready_made(alg, len(made)))
        return made[-1]

    await Replica(database, generate=remember).ensure()
    tables = ("signing_keys", "outbox", "outbox_subjects")
    stored = pickle.dumps([[dict(row) for row in await rows(database, table)] for table in tables])
    if url.startswith("sqlite"):
        await database.close()
        path = url.removeprefix("sqlite+aiosqlite:///")
        with open(path, "rb") as file:  # noqa: PTH123, ASYNC230
            stored += file.read()
    assert len(made) == 4
    for key in made:
        assert key.kid.encode() in stored
        for secret in _secrets(key):
            assert secret not in stored
            assert secret.hex().encode() not in stored


async def test_every_key_has_its_own_data_key(replica: Replica):
    await replica.ensure()
    stored = await rows(replica.database)
    assert len({row["wrapped_data_key"] for row in stored}) == len(stored) == 4


async def test_keys_cannot_be_decrypted_with_another_key_encryption_key(replica: Replica, url: str):
    await replica.ensure()
    async with replica_of(url, kek=ANOTHER_KEK) as other:
        with pytest.raises(SealBroken):
            await other.signing.check_seals()
    await replica.signing.check_seals()


@pytest.mark.parametrize(
    "swap",
    [
        f"UPDATE signing_keys SET (sealed_private, wrapped_data_key) = ({_OF_NEXT.format('sealed_private, wrapped_data_key')}) {_ACTIVE}",
        f"UPDATE signing_keys SET sealed_private = ({_OF_NEXT.format('sealed_private')}) {_ACTIVE}",
        f"UPDATE signing_keys SET kid = 'another' {_ACTIVE}",
        f"UPDATE signing_keys SET seal_version = 2 {_ACTIVE}",
        f"UPDATE signing_keys SET kek_version = 2 {_ACTIVE}",
    ],
    ids=["the next key's", "the next key's under the old data key", "kid", "seal_version", "kek_version"],
)
async def test_encrypted_key_cannot_be_moved_to_another_row(replica: Replica, swap: str):
    await replica.ensure()
    await execute(replica.database, swap)
    with pytest.raises(SealBroken):
        await replica.signing.check_seals()


async def test_encrypted_key_cannot_be_moved_to_another_issuer(replica: Replica, url: str):
    await replica.ensure()
    await execute(replica.database, "UPDATE signing_keys SET issuer = 'https://other.example'")
    async with replica_of(url, issuer="https://other.example") as other:
        with pytest.raises(SealBroken):
            await other.signing.check_seals()

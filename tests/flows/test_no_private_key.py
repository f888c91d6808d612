"""Disks, logs and NATS traffic contain no private key (docs/keys.md)."""

import base64
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from google.protobuf.message import Message
from sqlalchemy import text

from deploy.provision.secret_files import secret_file
from deploy.provision.topology import SERVICES
from latchkey.keys.v1 import admin_pb2, keys_pb2
from latchkey.keys.v1.admin_pb2_grpc import KeyAdminServiceStub
from latchkey.keys.v1.keys_pb2_grpc import SigningKeyServiceStub, VerificationKeyServiceStub
from libs.crypto.sealing import Recipient
from libs.servicekit.sql.database import Database
from services.key_rotation.domain.keys import ALGS
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.store.keys import Keys
from services.key_rotation.wrappings.file import FileWrapping
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack


@asynccontextmanager
async def _database(system: Stack, service: str):
    shape = next(each for each in SERVICES if each.name == service)
    database = Database.open(system.layout.database_of(shape), schema=shape.package)
    try:
        yield database
    finally:
        await database.close()


async def _stolen(system: Stack) -> tuple[list[bytes], bytes]:
    """Every private key of the system (as PKCS#8), and the key that encrypts them."""
    kek = _kek(system)
    seals = KeySeals([FileWrapping({1: kek}, seals=1)], issuer=system.issuer)
    async with _database(system, "key-rotation") as database, database.snapshot() as session:
        keys = [key for alg in ALGS for key in await Keys(session, issuer=system.issuer).history(alg)]
    return [await seals.open(key.private, kid=key.kid, alg=key.alg) for key in keys if key.private], kek


def _kek(system: Stack) -> bytes:
    written = secret_file(system.layout.home, "key-encryption").read_text(encoding="ascii").strip()
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))


def _forms(der: bytes) -> Iterator[bytes]:
    """The private numbers of a key in the usual encodings: raw, hex, JWK (RFC 7518, 6), PEM."""
    key = load_der_private_key(der, password=None)
    if isinstance(key, RSAPrivateKey):
        private = key.private_numbers()
        numbers = [private.d, private.p, private.q]
    else:
        numbers = [key.private_numbers().private_value]  # type: ignore[union-attr]
    for number in numbers:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        yield from (raw, raw.hex().encode(), raw.hex().upper().encode(), base64.urlsafe_b64encode(raw).rstrip(b"="))
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        lines = key.private_bytes(Encoding.PEM, form, NoEncryption()).splitlines()[1:-1]
        yield from lines[len(lines) // 2 :] if len(lines) > 4 else lines[1:2]


async def _tables(database: Database) -> bytes:
    """Every row of every table of a schema in PostgreSQL's text format, with bytes in hex."""
    found = b""
    async with database.snapshot() as session:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        for table in (await session.execute(text(query))).scalars().all():
            rows = await session.execute(text(f'SELECT whole::text FROM "{table}" AS whole'))
            found += "\n".join(rows.scalars()).encode()
    return found


async def _disks(system: Stack) -> dict[str, bytes]:
    """All files that the services and NATS have written, without their secret files."""
    home = system.layout.home
    contents = {f"{folder.name}": _files(folder) for folder in (home.data, home.logs, home.nats)}
    if system.layout.database_url is not None:
        for shape in (each for each in SERVICES if each.database):
            async with _database(system, shape.name) as database:
                contents[shape.name] = await _tables(database)
    return contents


def _files(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def _wire(system: Stack) -> bytes:
    """Every response of key-rotation to each of its callers."""
    messages: list[Message] = []
    async with system.channel("key-rotation", identity="token") as channel:
        request = keys_pb2.GetSigningKeysRequest(recipient_public_key=Recipient().public_key)
        messages.append(await SigningKeyServiceStub(channel).GetSigningKeys(request))
        messages.append(
            await VerificationKeyServiceStub(channel).ListVerificationKeys(keys_pb2.ListVerificationKeysRequest())
        )
    async with system.channel("key-rotation") as channel:
        messages.append(await KeyAdminServiceStub(channel).ListKeys(admin_pb2.ListKeysRequest()))
        messages.append(await KeyAdminServiceStub(channel).RewrapKeys(admin_pb2.RewrapKeysRequest()))
    return b"\n".join(message.SerializeToString() + repr(message).encode() for message in messages)


@pytest.mark.s(30)
@pytest.mark.s(60)
async def test_private_keys_are_not_on_disk_in_logs_on_nats_or_on_the_wire(
    system: Stack, browser: Browser, web: RelyingParty
):
    await web.sign_in(browser)
    keys, kek = await _stolen(system)
    assert len(keys) == 4
    contents = {**await _disks(system), "wire": await _wire(system)}
    secrets = {form for der in keys for form in _forms(der)} | {kek, kek.hex().encode(), base64.urlsafe_b64encode(kek)}
    async with system.channel("key-rotation") as channel:
        listed = (await KeyAdminServiceStub(channel).ListKeys(admin_pb2.ListKeysRequest())).keys
    for where in ("logs", "wire", "nats", "key-rotation" if "key-rotation" in contents else "data"):
        assert any(key.kid.encode() in contents[where] for key in listed), f"{where} was not read"
    for where, content in contents.items():
        assert not [secret for secret in secrets if secret in content], f"a secret is in {where}"


@pytest.mark.parametrize("form", ["pkcs8", "hex", "pem", "jwk"])
async def test_search_finds_an_unencrypted_key(system: Stack, form: str):
    keys, _ = await _stolen(system)
    for der in keys:
        key = load_der_private_key(der, password=None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        forms = list(_forms(der))
        written = {"pkcs8": der, "hex": der.hex().encode(), "pem": pem, "jwk": b'{"d": "' + forms[3] + b'"}'}[form]
        assert any(each in written for each in forms)

"""TLS on an edge: modern versions and ciphers only, and a certificate that can be renewed while the edge runs."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from libs.servicekit.http.edge_tls import EdgeTls
from tests.support.mutual_tls import make_certificates

pytestmark = pytest.mark.s(69)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def files(tls: Path, tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "edge.pem", tmp_path / "edge.key"
    shutil.copy(tls / "token.pem", certificate)
    shutil.copy(tls / "token.key", key)
    return certificate, key


@pytest.fixture
async def edge(files: tuple[Path, Path]) -> AsyncIterator[tuple[EdgeTls, int]]:
    edge = EdgeTls(*files)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=edge.context)
    await site.start()
    yield edge, runner.addresses[0][1]
    await runner.cleanup()


def client(tls: Path, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls / "ca.pem")
    context.check_hostname = False
    context.set_ciphers(ciphers)
    with without_warnings():
        context.minimum_version = context.maximum_version = version
    return context


@contextmanager
def without_warnings() -> Iterator[None]:
    """Old versions are deprecated; that is what is tried here."""
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


async def shake_hands(port: int, context: ssl.SSLContext) -> tuple[str, str, str]:
    """Version, cipher, and whose certificate it was."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate: Any = connection.getpeercert()
    names = [value for kind, value in certificate["subjectAltName"] if kind == "DNS"]
    cipher = connection.cipher()
    assert cipher
    negotiated = str(connection.version()), cipher[0], str(names[0])
    writer.close()
    return negotiated


async def test_tls_1_2_and_1_3_use_forward_secrecy(tls: Path, edge: tuple[EdgeTls, int]) -> None:
    version, cipher, name = await shake_hands(edge[1], client(tls, ssl.TLSVersion.TLSv1_2))
    assert (version, name) == ("TLSv1.2", "token.latchkey.internal")
    assert cipher.startswith("ECDHE-")
    assert (await shake_hands(edge[1], client(tls, ssl.TLSVersion.TLSv1_3)))[0] == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_tls_before_1_2_is_refused(tls: Path, edge: tuple[EdgeTls, int], version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await shake_hands(edge[1], client(tls, version))


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256", "DHE"])
async def test_ciphers_without_forward_secrecy_or_aead_are_refused(
    tls: Path, edge: tuple[EdgeTls, int], ciphers: str
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await shake_hands(edge[1], client(tls, ssl.TLSVersion.TLSv1_2, f"{ciphers}:@SECLEVEL=0"))


async def test_renewed_certificate_is_loaded_and_invalid_one_is_not(
    tls: Path, edge: tuple[EdgeTls, int], files: tuple[Path, Path]
) -> None:
    running, port = edge
    shutil.copy(tls / "device.pem", files[0])  # and not its key yet
    touch(files[0], 1)
    running.reload_if_changed()
    assert (await shake_hands(port, client(tls, ssl.TLSVersion.TLSv1_3)))[2] == "token.latchkey.internal"
    shutil.copy(tls / "device.key", files[1])
    running.reload_if_changed()
    assert (await shake_hands(port, client(tls, ssl.TLSVersion.TLSv1_3)))[2] == "device.latchkey.internal"
    files[0].unlink()
    running.reload_if_changed()
    assert (await shake_hands(port, client(tls, ssl.TLSVersion.TLSv1_3)))[2] == "device.latchkey.internal"


def touch(file: Path, by_seconds: int) -> None:
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + by_seconds * 1_000_000_000))


def test_certificate_and_key_that_do_not_match_raise_at_start(tls: Path) -> None:
    with pytest.raises(OSError, match="are not a certificate and its key"):
        EdgeTls(tls / "token.pem", tls / "device.key")


def test_encrypted_key_raises_without_a_prompt(tls: Path, files: tuple[Path, Path]) -> None:
    key = load_pem_private_key(files[1].read_bytes(), None)
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase")))
    with pytest.raises(OSError, match=r"edge\.key is encrypted"):
        EdgeTls(*files)

"""Who is reached is proven by a certificate for the name in the URL."""

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from libs.fetch.errors import Reason
from libs.fetch.fetcher import Fetcher
from libs.fetch.policy import FetchPolicy
from tests.unit.fetch.certificates import Authority
from tests.unit.fetch.conftest import World
from tests.unit.fetch.outside import HOST, PUBLIC, answer, says

pytestmark = pytest.mark.s(43, 69)


async def test_tls_verifies_the_host_name_of_the_url(world: World):
    server = await world.host(says(answer()))
    await world.fetcher().get(f"https://{HOST.upper()}/")
    assert server.sni == [HOST]


async def test_certificate_of_an_unknown_authority_is_refused(world: World, tmp_path: Path):
    server = await world.host(says(answer()), Authority.new(tmp_path).server(HOST))
    assert (await world.refusal()).reason is Reason.TLS
    assert server.requests == []


async def test_extra_ca_is_trusted_only_when_configured(world: World):
    server = await world.host(says(answer()))
    refusal = await world.refusal(extra_ca=None)
    assert (refusal.reason, refusal.detail) == (Reason.TLS, "unable to get local issuer certificate")
    assert server.requests == []


@pytest.mark.parametrize("name", ["other.test", "sub.client.test", "*.test.test", PUBLIC])
async def test_certificate_of_another_host_is_refused(world: World, name: str):
    server = await world.host(says(answer()), world.authority.server(name))
    refusal = await world.refusal()
    assert (refusal.reason, refusal.detail) == (Reason.TLS, "Hostname mismatch")
    assert server.requests == []


async def test_certificate_of_a_name_is_refused_for_its_address(world: World):
    await world.host(says(answer()))
    assert (await world.refusal(f"https://{PUBLIC}/")).reason is Reason.TLS


async def test_expired_certificate_is_refused(world: World):
    await world.host(says(answer()), world.authority.server(HOST, ends=-timedelta(hours=1)))
    refusal = await world.refusal()
    assert (refusal.reason, refusal.detail) == (Reason.TLS, "certificate has expired")


async def test_host_without_tls_is_refused(world: World):
    plain = await world.serve(says(answer()), None)
    world.routes.to[PUBLIC] = plain.port
    assert (await world.refusal(connect_seconds=0.3, total_seconds=0.3)).reason in {Reason.TLS, Reason.TIMEOUT}


async def refused_but_spoken_by_others(world: World, context: ssl.SSLContext) -> bool:
    """Nothing was asked by the fetcher, though a client that takes anything is served."""
    server = await world.host(says(answer()), context)
    reason = (await world.refusal()).reason
    world.routes.loopback.add(server.port)
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    anything.minimum_version = ssl.TLSVersion.TLSv1
    anything.set_ciphers("ALL:@SECLEVEL=0")
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=anything)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await server.until(lambda: len(server.requests) == 1)
    writer.transport.abort()
    return reason in {Reason.TLS, Reason.UNREACHABLE}  # the server may hang up before its alert is out


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_version_is_refused(world: World, version: ssl.TLSVersion):
    context = world.authority.server(HOST, oldest=version)
    context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert await refused_but_spoken_by_others(world, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_cipher_without_aead_is_refused(world: World):
    context = world.authority.server(HOST)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    assert await refused_but_spoken_by_others(world, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_accepted(world: World, version: ssl.TLSVersion):
    context = world.authority.server(HOST)
    context.minimum_version = context.maximum_version = version
    await world.host(says(answer()), context)
    await world.fetcher().get(f"https://{HOST}/")


async def test_extra_ca_file_without_certificates_raises_at_start(tmp_path: Path):
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ssl.SSLError, match="NO_CERTIFICATE"):
        Fetcher(FetchPolicy(extra_ca=tmp_path / "empty.pem"))

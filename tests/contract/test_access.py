"""Mutual TLS and one interceptor hold what the contract says about callers: every method, every caller."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from deploy.provision.ca import ensure_certificates
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.servicekit.base.settings import Address
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.identity import host_name
from libs.servicekit.grpc.server import permitted_callers
from tests.contract.conftest import Serve, settings_of
from tests.contract.contract import Servicer, all_registrations, call, methods, nothing, path_of, registration, services
from tests.support.mutual_tls import IDENTITIES

pytestmark = pytest.mark.s(63)
SERVICE = services()[0]
UNKNOWN_IDENTITIES = ("unknown", "token.evil", "tokens", "-token")


@pytest.fixture
async def target(serve: Serve) -> str:
    """Where one server serves the whole contract."""
    return await serve(all_registrations())


async def outcomes(channel: grpc.aio.Channel, **how: Any) -> dict[str, str]:
    """For every method of the contract: "answered", or what it was refused with."""

    async def outcome(method: MethodDescriptor) -> str:
        try:
            await call(channel, method, **how)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        except OAuthError as error:
            return error.reason
        return "answered"

    return {path_of(method): await outcome(method) for method in methods()}


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_identity_can_call_only_methods_that_list_it(target, connect, identity):
    assert await outcomes(await connect(target, identity=identity)) == {
        path_of(method): "answered" if identity in permitted_callers(method) else "TOKEN_PERMISSION_DENIED"
        for method in methods()
    }


async def test_unknown_identity_can_call_nothing(target, connect, tls):
    ensure_certificates(tls, UNKNOWN_IDENTITIES, now=datetime.now(UTC))
    for identity in UNKNOWN_IDENTITIES:
        refused = await outcomes(await connect(target, identity=identity))
        assert set(refused.values()) == {"TOKEN_PERMISSION_DENIED"}


async def test_call_without_a_client_certificate_is_refused(target, tls):
    credentials = grpc.ssl_channel_credentials((tls / "ca.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", host_name("token"))]
    async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
        assert set((await outcomes(channel)).values()) == {"UNAVAILABLE"}


async def test_call_without_tls_is_refused(target):
    async with grpc.aio.insecure_channel(target) as channel:
        assert set((await outcomes(channel)).values()) == {"UNAVAILABLE"}


async def test_call_with_a_certificate_of_another_authority_is_refused(target, tls, foreign_tls):
    for identity in ("cli", "token", "authorize-frontend"):
        key, certificate = (foreign_tls / f"{identity}.key", foreign_tls / f"{identity}.pem")
        credentials = grpc.ssl_channel_credentials(
            (tls / "ca.pem").read_bytes(), key.read_bytes(), certificate.read_bytes()
        )
        options = [("grpc.ssl_target_name_override", host_name("token"))]
        async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
            assert set((await outcomes(channel)).values()) == {"UNAVAILABLE"}


@pytest.mark.parametrize("shown", [identity for identity in IDENTITIES if identity != "authentication"])
async def test_server_with_the_certificate_of_another_service_gets_no_request(serve, connect, shown):
    servicer = Servicer(SERVICE, nothing)
    target = await serve([registration(SERVICE, servicer)], identity=shown)
    channel = await connect(target, identity="token", service="authentication")
    with pytest.raises(TemporarilyUnavailable):
        await call(channel, SERVICE.methods[0], timeout=0.15)
    assert servicer.called == []


async def test_server_with_a_certificate_of_another_authority_gets_no_request(serve, connect, foreign_tls):
    servicer = Servicer(SERVICE, nothing)
    target = await serve([registration(SERVICE, servicer)], identity="authentication", folder=foreign_tls)
    channel = await connect(target, identity="token", service="authentication")
    with pytest.raises(TemporarilyUnavailable):
        await call(channel, SERVICE.methods[0], timeout=0.15)
    assert servicer.called == []


async def test_grpc_address_in_use_is_reported(serve, tls):
    port = int((await serve([])).rpartition(":")[2])
    taken = settings_of("token", tls).model_copy(update={"grpc_listen": Address("127.0.0.1", port)})
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port} \(LATCHKEY_GRPC_LISTEN\)"):
        await grpc_server.start(taken, [])


async def test_concurrent_callers_are_identified_separately(target, connect):
    channels = {identity: await connect(target, identity=identity) for identity in IDENTITIES}
    found = await asyncio.gather(*(outcomes(channel) for channel in channels.values()))
    for identity, by_path in zip(channels, found, strict=True):
        assert {path for path, outcome in by_path.items() if outcome == "answered"} == {
            path_of(method) for method in methods() if identity in permitted_callers(method)
        }

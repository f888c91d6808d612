"""A session from the device service is accepted only with an attestation of the authentication service."""
# ruff: noqa: N802, ASYNC109 - names and arguments come from the generated stub

from datetime import timedelta
from typing import Any

import pytest

from latchkey.authentication.v1.sessions_pb2 import AttestedSession, Session
from latchkey.device.v1 import device_pb2
from libs.crypto.attestation import attest
from libs.oauth.errors import ServerError
from libs.servicekit.grpc.channels import DEADLINE_SECONDS
from services.token.adapters.devices import RemoteDevices
from tests.unit.token.parts import ALICE, MINUTE, NOON, Clock, a_client

KEY = b"k" * 32
MOMENT = timedelta(microseconds=1)


class DeviceService:
    """The stub: answers what it is given, and remembers what it was asked and with which deadline."""

    def __init__(self, session: AttestedSession | None = None) -> None:
        self.session = session
        self.asked: list[tuple[Any, float | None]] = []

    async def CreateDeviceCode(self, request: Any, timeout: float | None = None) -> Any:
        self.asked.append((request, timeout))
        return device_pb2.CreateDeviceCodeResponse(
            device_code="dc", user_code="WDJB-MJHT", expires_in_seconds=600, interval_seconds=5
        )

    async def PollDeviceCode(self, request: Any, timeout: float | None = None) -> Any:
        self.asked.append((request, timeout))
        return device_pb2.PollDeviceCodeResponse(session=self.session, scopes=["openid"], correlation_id="c")


def devices(service: DeviceService) -> RemoteDevices:
    stub: Any = service
    return RemoteDevices(stub=stub, attestation_keys=[KEY], clock=Clock())


def attested(*, age: timedelta = timedelta(), key: bytes = KEY) -> AttestedSession:
    session = Session(session_id="sid", user_id=ALICE, acr="acr", amr=["pwd"])
    session.attested_at.FromDatetime(NOON - age)
    session.authenticated_at.FromDatetime(NOON - age - MINUTE)
    serialized = session.SerializeToString()
    return AttestedSession(session=serialized, mac=attest(key, serialized))


async def poll(service: DeviceService, *, seconds: int = 0) -> Any:
    return await devices(service).poll("dc", client_id="c_tv", wait=timedelta(seconds=seconds))


@pytest.mark.parametrize("age", [timedelta(), 10 * MINUTE])
async def test_a_statement_holds_for_the_life_of_a_code(age: timedelta) -> None:
    allowed = await poll(DeviceService(attested(age=age)))
    assert (allowed.session.user_id, allowed.session.session_id) == (ALICE, "sid")
    assert allowed.session.authenticated_at == NOON - age - MINUTE
    assert (allowed.scopes, allowed.correlation_id) == (("openid",), "c")


@pytest.mark.s(35, 63)
@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (attested(age=10 * MINUTE + MOMENT), "SESSION_ATTESTATION_STALE"),
        (attested(key=b"x" * 32), "SESSION_NOT_ATTESTED"),
        (AttestedSession(session=b"", mac=b""), "SESSION_NOT_ATTESTED"),
        (None, "SESSION_NOT_ATTESTED"),
    ],
)
async def test_device_grant_refuses_unattested_session(session: AttestedSession | None, reason: str) -> None:
    with pytest.raises(ServerError) as refusal:
        await poll(DeviceService(session))
    assert refusal.value.reason == reason


@pytest.mark.s(35)
async def test_a_changed_statement_is_nobodys() -> None:
    session = attested()
    session.session = session.session.replace(ALICE.encode(), ALICE.replace("a", "b").encode())
    with pytest.raises(ServerError):
        await poll(DeviceService(session))


async def test_the_deadline_leaves_room_for_the_wait() -> None:
    service = DeviceService(attested())
    await poll(service, seconds=30)
    request, timeout = service.asked[0]
    assert (request.wait_seconds, timeout) == (30, 30 + DEADLINE_SECONDS)


async def test_device_service_receives_client_id_and_address() -> None:
    service = DeviceService()
    codes = await devices(service).create(
        a_client(client_name="Shop"), ("openid",), resources=("urn:x:api",), remote_address="192.0.2.1"
    )
    request, _ = service.asked[0]
    assert (request.client_id, request.client_name, list(request.scopes)) == ("c_shop", "Shop", ["openid"])
    assert list(request.resources) == ["urn:x:api"]
    assert request.context.remote_address == "192.0.2.1"
    assert (codes.user_code, codes.expires_in, codes.interval) == ("WDJB-MJHT", 600, 5)
    assert "dc" not in repr(codes)

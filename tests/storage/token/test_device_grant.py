"""Device code grant: the code is checked, tokens are minted, the code is redeemed, the grant is stored; on both databases."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.client_metadata import DEVICE_CODE
from libs.oauth.errors import (
    AuthorizationPending,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    TemporarilyUnavailable,
)
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from services.token.domain.authorization.devices import AllowedDevice, DeviceCodes
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.usecases.authorization.start_device_authorization import StartDeviceAuthorization
from services.token.usecases.tokens.grants.device_code import DeviceCodeGrant
from tests.storage.token.world import CHAIN_KEY, LIFETIMES, Registered, World
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, ISSUER, a_session, read_token

SCOPES = ("openid", "notes", "offline_access")


@dataclass
class Devices:
    """The Devices port: one code, which a user has allowed unless `refusal` says otherwise."""

    session: AuthenticatedSession = field(default_factory=a_session)
    scopes: tuple[str, ...] = SCOPES
    resources: tuple[str, ...] = ()
    refusal: Exception | None = None
    polls: list[tuple[str, str, timedelta]] = field(default_factory=list)
    redeemed: list[tuple[str, str]] = field(default_factory=list)
    created: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)

    async def create(
        self, client: Client, scopes: tuple[str, ...], *, resources: tuple[str, ...], remote_address: str
    ) -> DeviceCodes:
        self.resources = resources
        self.created.append((client.client_id, scopes, remote_address))
        return DeviceCodes("a device code", "WDJB-MJHT", 600, 5)

    async def poll(self, device_code: str, *, client_id: str, wait: timedelta) -> AllowedDevice:
        self.polls.append((device_code, client_id, wait))
        if self.refusal is not None:
            raise self.refusal
        return AllowedDevice(self.session, self.scopes, "the correlation", self.resources)

    async def redeem(self, device_code: str, *, client_id: str) -> None:
        if self.redeemed:
            raise InvalidGrant(reason=Reason.DEVICE_CODE_SPENT)
        self.redeemed.append((device_code, client_id))


@pytest.fixture
def devices(world: World) -> Devices:
    devices = Devices()
    handler = DeviceCodeGrant(
        begin=world.work, devices=devices, chain_key=CHAIN_KEY, lifetimes=LIFETIMES, clock=world.clock
    )
    world.issue_tokens = replace(world.issue_tokens, grants={**world.issue_tokens.grants, DEVICE_CODE: handler})
    return devices


@pytest.fixture
async def tv(world: World, devices: Devices) -> Registered:
    return await a_tv(world)


async def a_tv(world: World, **members: Any) -> Registered:
    return await world.machine(
        **{
            "grant_types": [DEVICE_CODE, "refresh_token"],
            "token_endpoint_auth_method": "none",
            "scope": "openid notes offline_access",
            **members,
        }
    )


async def poll(world: World, client: Registered, **parameters: str) -> dict[str, Any]:
    return await world.token(client, grant_type=DEVICE_CODE, device_code="a device code", **parameters)


async def test_the_device_gets_what_was_allowed(world: World, devices: Devices, tv: Registered) -> None:
    answer = await poll(world, tv)
    assert answer["scope"] == "openid notes offline_access"
    assert {"access_token", "id_token", "refresh_token"} <= answer.keys()
    (grant,) = await world.rows("grants")
    assert (grant["user_id"], grant["client_id"], grant["offline"]) == (ALICE, tv.client_id, True)
    assert devices.redeemed == [("a device code", tv.client_id)]
    assert await world.refresh(tv, answer["refresh_token"])
    emitted = await world.events("token.issued", "code.redeemed")
    assert [(event["type"], event["correlationid"]) for event in emitted] == [
        ("latchkey.token.issued.v1", "the correlation")
    ]
    assert emitted[0]["data"]["grant_type"] == DEVICE_CODE


@pytest.mark.parametrize(("grant_types", "writes"), [([DEVICE_CODE, "refresh_token"], 5), ([DEVICE_CODE], 3)])
async def test_what_it_costs(world: World, devices: Devices, grant_types: list[str], writes: int) -> None:
    tv = await a_tv(world, grant_types=grant_types)
    await world.clients.find(tv.client_id)
    with statements(world.database) as sent:
        await poll(world, tv)
    assert [statement.split()[0] for statement in sent].count("SELECT") == 0
    assert len(sent) == writes


async def test_a_pending_poll_costs_no_statement(world: World, devices: Devices, tv: Registered) -> None:
    await world.clients.find(tv.client_id)
    devices.refusal = AuthorizationPending()
    with statements(world.database) as sent, pytest.raises(AuthorizationPending):
        await poll(world, tv)
    assert sent == []


@pytest.mark.s(66)
async def test_code_is_not_redeemed_without_a_signing_key(world: World, devices: Devices, tv: Registered) -> None:
    world.keys.missing = {"ES256"}
    with pytest.raises(TemporarilyUnavailable):
        await poll(world, tv)
    assert devices.redeemed == []
    assert await world.rows("grants") == []


@pytest.mark.s(36)
async def test_device_code_is_not_redeemed_when_account_is_disabled(
    world: World, devices: Devices, tv: Registered
) -> None:
    world.users.users[ALICE].active = False
    with pytest.raises(InvalidGrant) as refusal:
        await poll(world, tv)
    assert (refusal.value.reason, devices.redeemed) == ("ACCOUNT_DISABLED", [])


@pytest.mark.s(34)
async def test_who_loses_the_race_leaves_nothing_behind(world: World, devices: Devices, tv: Registered) -> None:
    await poll(world, tv)
    with pytest.raises(InvalidGrant) as refusal:
        await poll(world, tv)
    assert refusal.value.reason == "DEVICE_CODE_SPENT"
    assert len(await world.rows("grants")) == len(await world.rows("refresh_families")) == 1
    assert (await world.event_types()).count("token.issued") == 1


@pytest.mark.s(36)
async def test_a_scope_that_the_client_has_lost_is_not_given(world: World, devices: Devices, tv: Registered) -> None:
    devices.scopes = (*SCOPES, "printers")
    with pytest.raises(InvalidScope):
        await poll(world, tv)
    assert devices.redeemed == []


@pytest.mark.s(35)
async def test_who_had_not_just_signed_in_could_not_allow_anything(world: World, devices: Devices) -> None:
    tv = await a_tv(world)
    moment, now = timedelta(microseconds=1), world.clock.now()
    devices.session = a_session(at=now - timedelta(minutes=15) - moment)
    with pytest.raises(InvalidGrant) as refusal:
        await poll(world, tv)
    assert (refusal.value.reason, devices.redeemed) == ("DEVICE_SIGN_IN_NOT_FRESH", [])
    devices.session = a_session(at=now - timedelta(minutes=15))
    await poll(world, tv)


@pytest.mark.parametrize(("asked", "waited"), [({}, 0), ({"latchkey_wait": "7"}, 7), ({"latchkey_wait": "9999"}, 30)])
async def test_a_device_may_ask_to_wait(world: World, devices: Devices, asked: dict[str, str], waited: int) -> None:
    tv = await a_tv(world)
    await poll(world, tv, **asked)
    assert devices.polls == [("a device code", tv.client_id, timedelta(seconds=waited))]


@pytest.mark.parametrize("wait", ["-1", "1.5", "x", "10000", "\u0663"])
async def test_a_wait_that_is_no_number_is_refused(world: World, devices: Devices, tv: Registered, wait: str) -> None:
    with pytest.raises(InvalidRequest):
        await poll(world, tv, latchkey_wait=wait)
    assert devices.polls == []


async def test_tokens_are_of_the_moment_when_the_waiting_ended(world: World, devices: Devices) -> None:
    tv = await a_tv(world)
    at = world.clock.now()

    async def wait(*_: Any, **__: Any) -> AllowedDevice:
        world.clock.move(timedelta(seconds=5))
        return AllowedDevice(a_session(at=at + timedelta(seconds=4)), SCOPES, "the correlation")

    devices.poll = wait  # type: ignore[method-assign]
    await poll(world, tv)
    (grant,) = await world.rows("grants")
    assert grant["created_at"] == at + timedelta(seconds=5)


async def test_device_authorization_response_contains_the_verification_uri(
    world: World, devices: Devices, tv: Registered
) -> None:
    start = StartDeviceAuthorization(
        issuer=ISSUER, authenticate=world.issue_tokens.authenticate, devices=devices, clock=world.clock
    )
    answer = await start(tv.credentials, Parameters({"scope": "openid notes"}), remote_address="192.0.2.1")
    assert answer["verification_uri_complete"] == f"{ISSUER}/device?user_code=WDJB-MJHT"
    assert devices.created == [(tv.client_id, ("openid", "notes"), "192.0.2.1")]
    await start(tv.credentials, Parameters({}), remote_address="192.0.2.1")
    assert devices.created[1] == (tv.client_id, ("openid",), "192.0.2.1")
    several = await a_tv(world, scope="notes printers")
    with pytest.raises(InvalidScope):
        await start(several.credentials, Parameters({}), remote_address="192.0.2.1")


@pytest.mark.s(25, 36)
async def test_the_token_is_for_what_the_device_asked_for(world: World, devices: Devices) -> None:
    """RFC 8707: resources are requested with the codes, allowed by the user, and not extended at the token endpoint."""
    tv = await a_tv(world, resources=["https://films.example", "urn:x:guide"], scope="notes")
    start = StartDeviceAuthorization(
        issuer=ISSUER, authenticate=world.issue_tokens.authenticate, devices=devices, clock=world.clock
    )
    devices.scopes = ("notes",)
    await start(tv.credentials, Parameters({"resource": "https://films.example"}), remote_address="192.0.2.1")
    with pytest.raises(InvalidTarget):
        await start(tv.credentials, Parameters({"resource": "https://other.example"}), remote_address="192.0.2.1")
    with pytest.raises(InvalidTarget):
        await poll(world, tv, resource="urn:x:guide")
    assert devices.redeemed == []
    answer = await poll(world, tv)
    assert read_token(answer["access_token"], "ES256").claims["aud"] == "https://films.example"

"""Device authorizations from the request to each final state, on both databases."""

import json
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta

import pytest

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    InvalidRequest,
    LoginRequired,
)
from services.device.domain.user_codes import ALPHABET
from services.device.usecases.create_device_code import DeviceAuthorizationRequest
from tests.storage.device.world import ALICE, BROWSER_PREFIX, DEVICE_PREFIX, INTERVAL, LIFETIME, NOON, Replica, World
from tests.support.databases import statements

MOMENT = timedelta(microseconds=1)


async def test_approved_code_is_redeemed_once(world: World, here: Replica) -> None:
    codes = await here.create()
    with pytest.raises(AuthorizationPending):
        await here.poll(codes)
    await here.decide(codes)
    approved = await here.poll(codes)
    assert (approved.approval, approved.scopes) == (ALICE, ("openid", "profile"))
    assert await here.poll(codes) == approved  # a poll does not redeem the code
    await here.redeem(codes)
    for again in (here.poll(codes), here.redeem(codes)):
        with pytest.raises(InvalidGrant) as refusal:
            await again
        assert refusal.value.reason == "DEVICE_CODE_SPENT"
    assert await world.event_names() == ["device.requested", "device.approved", "device.redeemed"]


async def test_requested_resources_are_kept_with_the_code(here: Replica) -> None:
    codes = await here.create(resources=("urn:x:b", "urn:x:a"))
    assert (await here.find(codes.user_code)).resources == ("urn:x:b", "urn:x:a")
    await here.decide(codes)
    assert (await here.poll(codes)).resources == ("urn:x:b", "urn:x:a")
    assert (await here.find((await here.create()).user_code)).resources == ()


async def test_denied_code_cannot_be_approved_later(world: World, here: Replica) -> None:
    codes = await here.create()
    await here.decide(codes, allow=False)
    for refused in (here.poll(codes), here.redeem(codes)):
        with pytest.raises(AccessDenied):
            await refused
    with pytest.raises(InvalidRequest):
        await here.decide(codes)
    assert await world.event_names() == ["device.requested", "device.denied"]


@pytest.mark.s(34)
async def test_code_is_refused_after_its_lifetime(world: World, here: Replica) -> None:
    codes, allowed = await here.create(), await here.create()
    world.clock.move(LIFETIME - MOMENT)
    await here.decide(allowed)
    await here.poll(allowed)
    world.clock.move(MOMENT)
    for late in (here.poll(codes), here.poll(allowed), here.redeem(allowed)):
        with pytest.raises(ExpiredToken):
            await late
    with pytest.raises(InvalidRequest) as refusal:
        await here.find(codes.user_code)
    assert refusal.value.reason == "USER_CODE_UNKNOWN"
    with pytest.raises(InvalidRequest):
        await here.decide(codes)


@pytest.mark.s(34)
async def test_code_of_another_client_is_refused_with_the_same_error_in_every_state(here: Replica) -> None:
    pending, denied, redeemed = await here.create(), await here.create(), await here.create()
    await here.decide(denied, allow=False)
    await here.decide(redeemed)
    await here.redeem(redeemed)
    for codes in (pending, denied, redeemed):
        for asked in (here.poll(codes, client_id="c_other"), here.redeem(codes, client_id="c_other")):
            with pytest.raises(InvalidGrant) as refusal:
                await asked
            assert refusal.value.reason == "DEVICE_CODE_OF_ANOTHER_CLIENT"
            assert refusal.value.description == InvalidGrant().description


async def test_unknown_device_code_is_refused_with_invalid_grant(here: Replica) -> None:
    for asked in (
        here.use_cases.poll_device_code("never", client_id="c_tv", wait=timedelta()),
        here.use_cases.redeem_device_code("", client_id="c_tv"),
    ):
        with pytest.raises(InvalidGrant) as refusal:
            await asked
        assert refusal.value.reason == "DEVICE_CODE_UNKNOWN"


async def test_redeem_is_refused_while_the_code_is_pending(here: Replica) -> None:
    codes = await here.create()
    with pytest.raises(AuthorizationPending):
        await here.redeem(codes)


@pytest.mark.s(34)
async def test_codes_are_stored_as_digests_only(world: World, here: Replica) -> None:
    codes = await here.create()
    row = await world.row()
    normal_user_code = codes.user_code.replace("-", "")
    assert len(codes.device_code) == 43
    assert len(normal_user_code) == 8
    assert set(normal_user_code) <= set(ALPHABET)
    assert row.device_code_hash == secret_hash(codes.device_code)
    await here.decide(codes)
    kept = repr(await world.rows()) + json.dumps(await world.events())
    assert codes.device_code not in kept
    assert codes.user_code not in kept
    assert normal_user_code not in kept


async def test_find_user_code_returns_client_address_and_request_time(here: Replica) -> None:
    codes = await here.create()
    found = await here.find(f" {codes.user_code.lower().replace('-', ' ')} ")
    assert (found.client_id, found.client_name, found.scopes) == ("c_tv", "Television", ("openid", "profile"))
    assert (found.requested_from, found.created_at) == (DEVICE_PREFIX, NOON)


@pytest.mark.s(35)
async def test_decision_is_refused_when_sign_in_is_older_than_five_minutes(world: World, here: Replica) -> None:
    codes = await here.create()
    five_minutes = timedelta(minutes=5)
    for allow in (True, False):
        with pytest.raises(LoginRequired) as refusal:
            await here.decide(codes, allow=allow, authenticated_at=NOON - five_minutes - MOMENT)
        assert refusal.value.reason == "SIGN_IN_NOT_FRESH"
    assert (await world.row()).state == "pending"
    await here.decide(codes, authenticated_at=NOON - five_minutes)


@pytest.mark.s(35)
async def test_events_of_one_device_authorization_share_a_correlation_id(world: World, here: Replica) -> None:
    codes = await here.create()
    await here.decide(codes)
    await here.redeem(codes)
    requested, approved, redeemed = await world.events()
    assert {event["correlationid"] for event in (requested, approved, redeemed)} == {(await world.row()).id}
    assert (requested["subject"], requested["data"]["ip_prefix"]) == ("c_tv", DEVICE_PREFIX)
    assert approved["subject"] == redeemed["subject"] == "alice-id"
    assert approved["data"] == {
        "user_id": "alice-id",
        "session_id": "alice-session",
        "client_id": "c_tv",
        "scopes": ["openid", "profile"],
        "ip_prefix": BROWSER_PREFIX,
        "device_ip_prefix": DEVICE_PREFIX,
    }
    assert redeemed["producer"] == "device"


async def test_sweep_emits_expired_event_once_and_deletes_the_code_later(world: World, here: Replica) -> None:
    pending, approved, redeemed = await here.create(), await here.create(), await here.create()
    await here.decide(approved)
    await here.decide(redeemed)
    await here.redeem(redeemed)
    world.clock.move(LIFETIME)
    for _ in range(2):
        assert await here.sweep() is False
    expired = [event for event in await world.events() if event["type"] == "latchkey.device.expired.v1"]
    assert sorted((event["subject"], event["data"].get("user_id", "")) for event in expired) == [
        ("alice-id", "alice-id"),
        ("c_tv", ""),
    ]
    for codes in (pending, approved):  # until the rows are deleted
        with pytest.raises(ExpiredToken):
            await here.poll(codes)
    world.clock.move(timedelta(minutes=10) + MOMENT)
    await here.sweep()
    assert await world.rows() == []
    with pytest.raises(InvalidGrant):
        await here.poll(pending)


async def test_client_name_is_truncated_to_the_column_length(world: World, here: Replica) -> None:
    await here.use_cases.create_device_code(DeviceAuthorizationRequest("c_tv", "N" * 500, (), DEVICE_PREFIX))
    assert len((await world.row()).client_name) == 255


async def test_issued_codes_contain_lifetime_and_interval(here: Replica) -> None:
    codes = await here.create()
    assert (codes.lifetime, codes.interval) == (LIFETIME, INTERVAL)


async def test_every_rpc_uses_the_number_of_statements_in_the_readme(world: World, here: Replica) -> None:
    async def cost(asked: Awaitable[object]) -> tuple[int, int]:
        with statements(world.database) as sent, suppress(InvalidRequest):
            await asked
        reads = [statement for statement in sent if statement.startswith("SELECT")]
        return len(reads), len(sent) - len(reads)

    with statements(world.database) as sent:
        codes = await here.create()
    assert len(sent) == 2 + 4
    assert await cost(here.find(codes.user_code)) == (2, 2)
    assert await cost(here.find("BBBB-BBBB")) == (2, 1)
    assert await cost(here.decide(codes)) == (2, 5)
    assert await cost(here.poll(codes)) == (1, 0)
    assert await cost(here.redeem(codes)) == (1, 3)

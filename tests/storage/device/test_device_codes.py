"""A device authorization from its beginning to each of its ends, on both databases."""

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
from services.device.usecases.create_device_code import Asked
from tests.storage.device.world import ALICE, BROWSER_PREFIX, DEVICE_PREFIX, INTERVAL, LIFETIME, NOON, Replica, World
from tests.support.databases import statements

MOMENT = timedelta(microseconds=1)


async def test_a_device_gets_what_a_person_allowed_once(world: World, here: Replica) -> None:
    codes = await here.ask()
    with pytest.raises(AuthorizationPending):
        await here.poll(codes)
    await here.decide(codes)
    allowed = await here.poll(codes)
    assert (allowed.approval, allowed.scopes) == (ALICE, ("openid", "profile"))
    assert await here.poll(codes) == allowed  # a poll spends nothing
    await here.redeem(codes)
    for again in (here.poll(codes), here.redeem(codes)):
        with pytest.raises(InvalidGrant) as refusal:
            await again
        assert refusal.value.reason == "DEVICE_CODE_SPENT"
    assert await world.told() == ["device.requested", "device.approved", "device.redeemed"]


async def test_what_a_device_asks_for_is_kept_with_it(here: Replica) -> None:
    codes = await here.ask(resources=("urn:x:b", "urn:x:a"))
    assert (await here.find(codes.user_code)).resources == ("urn:x:b", "urn:x:a")
    await here.decide(codes)
    assert (await here.poll(codes)).resources == ("urn:x:b", "urn:x:a")
    assert (await here.find((await here.ask()).user_code)).resources == ()


async def test_a_person_who_says_no_is_final(world: World, here: Replica) -> None:
    codes = await here.ask()
    await here.decide(codes, allow=False)
    for refused in (here.poll(codes), here.redeem(codes)):
        with pytest.raises(AccessDenied):
            await refused
    with pytest.raises(InvalidRequest):
        await here.decide(codes)
    assert await world.told() == ["device.requested", "device.denied"]


@pytest.mark.s(34)
async def test_a_code_ends_with_its_time(world: World, here: Replica) -> None:
    codes, allowed = await here.ask(), await here.ask()
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
async def test_another_client_learns_nothing_of_a_code(here: Replica) -> None:
    pending, denied, spent = await here.ask(), await here.ask(), await here.ask()
    await here.decide(denied, allow=False)
    await here.decide(spent)
    await here.redeem(spent)
    for codes in (pending, denied, spent):
        for asked in (here.poll(codes, client_id="c_other"), here.redeem(codes, client_id="c_other")):
            with pytest.raises(InvalidGrant) as refusal:
                await asked
            assert refusal.value.reason == "DEVICE_CODE_OF_ANOTHER_CLIENT"
            assert refusal.value.description == InvalidGrant().description


async def test_a_code_that_never_was_is_an_invalid_grant(here: Replica) -> None:
    for asked in (here.poll_code("never", client_id="c_tv", wait=timedelta()), here.redeem_code("", client_id="c_tv")):
        with pytest.raises(InvalidGrant) as refusal:
            await asked
        assert refusal.value.reason == "DEVICE_CODE_UNKNOWN"


async def test_an_undecided_code_cannot_be_spent(here: Replica) -> None:
    codes = await here.ask()
    with pytest.raises(AuthorizationPending):
        await here.redeem(codes)


@pytest.mark.s(34)
async def test_of_both_codes_only_digests_are_kept(world: World, here: Replica) -> None:
    codes = await here.ask()
    row = await world.row()
    letters = codes.user_code.replace("-", "")
    assert len(codes.device_code) == 43
    assert len(letters) == 8
    assert set(letters) <= set(ALPHABET)
    assert row.device_code_hash == secret_hash(codes.device_code)
    await here.decide(codes)
    kept = repr(await world.rows()) + json.dumps(await world.events())
    assert codes.device_code not in kept
    assert codes.user_code not in kept
    assert letters not in kept


async def test_the_confirm_page_is_told_who_asks_from_where_and_since_when(here: Replica) -> None:
    codes = await here.ask()
    found = await here.find(f" {codes.user_code.lower().replace('-', ' ')} ")
    assert (found.client_id, found.client_name, found.scopes) == ("c_tv", "Television", ("openid", "profile"))
    assert (found.requested_from, found.created_at) == (DEVICE_PREFIX, NOON)


@pytest.mark.s(35)
async def test_only_somebody_who_signed_in_lately_decides(world: World, here: Replica) -> None:
    codes = await here.ask()
    five_minutes = timedelta(minutes=5)
    for allow in (True, False):
        with pytest.raises(LoginRequired) as refusal:
            await here.decide(codes, allow=allow, signed_in=NOON - five_minutes - MOMENT)
        assert refusal.value.reason == "SIGN_IN_NOT_FRESH"
    assert (await world.row()).state == "pending"
    await here.decide(codes, signed_in=NOON - five_minutes)


@pytest.mark.s(35)
async def test_everything_of_one_device_authorization_is_told_under_one_id(world: World, here: Replica) -> None:
    codes = await here.ask()
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


async def test_what_ran_out_of_time_is_told_once_and_forgotten_later(world: World, here: Replica) -> None:
    waiting, allowed, spent = await here.ask(), await here.ask(), await here.ask()
    await here.decide(allowed)
    await here.decide(spent)
    await here.redeem(spent)
    world.clock.move(LIFETIME)
    for _ in range(2):
        assert await here.sweep() is False
    expired = [event for event in await world.events() if event["type"] == "latchkey.device.expired.v1"]
    assert sorted((event["subject"], event["data"].get("user_id", "")) for event in expired) == [
        ("alice-id", "alice-id"),
        ("c_tv", ""),
    ]
    for codes in (waiting, allowed):  # said as long as anybody may come back
        with pytest.raises(ExpiredToken):
            await here.poll(codes)
    world.clock.move(timedelta(minutes=10) + MOMENT)
    await here.sweep()
    assert await world.rows() == []
    with pytest.raises(InvalidGrant):
        await here.poll(waiting)


async def test_a_client_name_of_any_permitted_length_can_be_kept(world: World, here: Replica) -> None:
    await here.create(Asked("c_tv", "N" * 500, (), DEVICE_PREFIX))
    assert len((await world.row()).client_name) == 255


async def test_the_answer_says_how_long_and_how_often(here: Replica) -> None:
    codes = await here.ask()
    assert (codes.lifetime, codes.interval) == (LIFETIME, INTERVAL)


async def test_every_call_costs_as_many_statements_as_the_readme_says(world: World, here: Replica) -> None:
    async def cost(asked: Awaitable[object]) -> tuple[int, int]:
        with statements(world.database) as sent, suppress(InvalidRequest):
            await asked
        reads = [statement for statement in sent if statement.startswith("SELECT")]
        return len(reads), len(sent) - len(reads)

    with statements(world.database) as sent:
        codes = await here.ask()
    assert len(sent) == 2 + 4
    assert await cost(here.find(codes.user_code)) == (2, 2)
    assert await cost(here.find("BBBB-BBBB")) == (2, 1)
    assert await cost(here.decide(codes)) == (2, 5)
    assert await cost(here.poll(codes)) == (1, 0)
    assert await cost(here.redeem(codes)) == (1, 3)

"""Limits on device authorization requests and on wrong user codes, counted in SQL, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from libs.crypto.random import new_code
from libs.oauth.errors import InvalidRequest, LoginRequired, OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.device.domain.device_codes import Approval
from services.device.domain.user_codes import ALPHABET
from services.device.usecases.create_device_code import IssuedCodes
from services.device.usecases.decide_device_code import Decision
from services.device.usecases.look_up_user_code import UserCodeEntry
from tests.storage.device.world import ATTEMPTS, BROWSER_PREFIX, LIFETIME, NOON, REQUESTS, Replica, World
from tests.support.databases import statements

MINUTE = timedelta(minutes=1)


def random_code() -> str:
    return new_code(ALPHABET, 8)


async def refusal_of(asked) -> OAuthError | None:
    try:
        await asked
    except OAuthError as error:
        return error
    return None


async def try_wrong_code(here: Replica, *, user_id: str = "alice-id", ip_prefix: str = BROWSER_PREFIX) -> str:
    """Return the reason of the error for a random code."""
    refusal = await refusal_of(here.find(random_code(), user_id=user_id, ip_prefix=ip_prefix))
    assert refusal is not None
    return refusal.reason


@pytest.mark.s(62)
async def test_requests_from_one_address_are_limited_per_minute(world: World, here: Replica) -> None:
    for _ in range(REQUESTS.per_address):
        await here.create()
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await here.create()
    assert (refusal.value.reason, refusal.value.retry_after) == ("DEVICE_REQUESTS_OF_ADDRESS", 60)
    await here.create(ip_prefix="203.0.113.0/24")
    world.clock.move(MINUTE)
    await here.create()


@pytest.mark.s(62)
async def test_requests_of_one_client_are_limited_per_minute(here: Replica) -> None:
    for number in range(REQUESTS.per_client):
        await here.create(ip_prefix=f"10.0.{number}.0/24")
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await here.create(ip_prefix="10.0.99.0/24")
    assert refusal.value.reason == "DEVICE_REQUESTS_OF_CLIENT"
    await here.create(client_id="c_other", ip_prefix="10.0.99.0/24")


@pytest.mark.s(62)
async def test_unexpired_codes_are_limited(world: World, here: Replica) -> None:
    for number in range(REQUESTS.alive):
        await here.create(client_id=f"c_{number}", ip_prefix=f"10.0.{number}.0/24")
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await here.create(client_id="c_last", ip_prefix="10.0.99.0/24")
    assert refusal.value.reason == "DEVICE_CODES_FULL"
    assert refusal.value.retry_after
    world.clock.move(LIFETIME)
    await here.create(client_id="c_last", ip_prefix="10.0.99.0/24")


@pytest.mark.s(62)
async def test_concurrent_requests_do_not_exceed_the_limit(world: World, here: Replica) -> None:
    refusals = await asyncio.gather(*(refusal_of(here.create()) for _ in range(3 * REQUESTS.per_address)))
    assert len(await world.rows()) == REQUESTS.per_address
    assert {refusal.reason for refusal in refusals if refusal} == {"DEVICE_REQUESTS_OF_ADDRESS"}


@pytest.mark.s(62)
async def test_refused_request_writes_nothing(world: World, here: Replica) -> None:
    for _ in range(REQUESTS.per_address):
        await here.create()
    with statements(world.database) as sent:
        await refusal_of(here.create())
    assert [statement.split()[0] for statement in sent] == ["SELECT"]


@pytest.mark.s(34, 47)
async def test_wrong_codes_of_one_user_are_limited(world: World, here: Replica) -> None:
    codes = await here.create()
    for _ in range(ATTEMPTS.per_user):
        assert await try_wrong_code(here) == "USER_CODE_UNKNOWN"
    refusal = await refusal_of(here.find(codes.user_code))  # a right code is refused as well
    assert isinstance(refusal, TemporarilyUnavailable)
    assert (refusal.reason, refusal.retry_after) == ("USER_CODE_ATTEMPTS", 300)
    assert isinstance(await refusal_of(here.decide(codes)), TemporarilyUnavailable)
    await here.find(codes.user_code, user_id="bob-id")  # other users are not limited
    world.clock.move(5 * MINUTE)
    await here.find(codes.user_code)


@pytest.mark.s(34, 47)
async def test_wrong_codes_are_limited_per_address_and_overall(here: Replica) -> None:
    for number in range(ATTEMPTS.per_address):
        assert await try_wrong_code(here, user_id=f"user-{number}") == "USER_CODE_UNKNOWN"
    assert await try_wrong_code(here, user_id="another") == "USER_CODE_ATTEMPTS"
    for number in range(ATTEMPTS.overall - ATTEMPTS.per_address):
        reason = await try_wrong_code(here, user_id=f"far-{number}", ip_prefix=f"10.0.{number}.0/24")
        assert reason == "USER_CODE_UNKNOWN"
    assert await try_wrong_code(here, user_id="far", ip_prefix="10.0.99.0/24") == "USER_CODE_ATTEMPTS"


@pytest.mark.s(34, 47)
async def test_concurrent_wrong_codes_are_all_counted(world: World, here: Replica) -> None:
    there = world.replica()
    attempts = [refusal_of(replica.find(random_code())) for _ in range(8) for replica in (here, there)]
    reasons = [refusal.reason for refusal in await asyncio.gather(*attempts) if refusal]
    assert reasons.count(Reason.USER_CODE_UNKNOWN) == ATTEMPTS.per_user
    assert reasons.count(Reason.USER_CODE_ATTEMPTS) == 16 - ATTEMPTS.per_user


async def test_right_codes_are_not_counted_as_attempts(world: World, here: Replica) -> None:
    codes = await here.create()
    for _ in range(3 * ATTEMPTS.overall):
        await here.find(codes.user_code)
    assert {key: count for key, count in (await world.tallies()).items() if key.startswith("attempt")} == {
        "attempt": 0,
        f"attempt address {BROWSER_PREFIX}": 0,
        "attempt user alice-id": 0,
    }


@pytest.mark.parametrize("typed", ["", "WDJB", "WDJB-MJHTX", "WDJB-MJH1", "AEIO-UAEI", "x" * 1000])
async def test_malformed_code_is_not_counted_as_an_attempt(world: World, here: Replica, typed: str) -> None:
    refusal = await refusal_of(here.find(typed))
    assert isinstance(refusal, InvalidRequest)
    assert await world.tallies() == {}


@pytest.mark.s(47)
async def test_decision_with_a_wrong_code_is_counted_as_an_attempt(world: World, here: Replica) -> None:
    codes = IssuedCodes("", random_code(), LIFETIME, LIFETIME)
    for _ in range(ATTEMPTS.per_user):
        assert isinstance(await refusal_of(here.decide(codes)), InvalidRequest)
    assert isinstance(await refusal_of(here.decide(codes)), TemporarilyUnavailable)
    stale = Decision(
        UserCodeEntry(random_code(), "bob-id", BROWSER_PREFIX), Approval("bob-id", "s", b""), NOON - LIFETIME, True
    )
    assert isinstance(await refusal_of(here.use_cases.decide_device_code(stale)), LoginRequired)


@pytest.mark.s(62)
async def test_sweep_deletes_tallies_after_their_window(world: World, here: Replica) -> None:
    await here.create()
    await try_wrong_code(here)
    world.clock.move(5 * MINUTE)
    await here.sweep()
    assert await world.tallies() != {}
    world.clock.move(timedelta(microseconds=1))
    await here.sweep()
    assert await world.tallies() == {}

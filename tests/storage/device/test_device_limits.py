"""What strangers can make us store, and how often they may guess: counted in SQL, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from libs.crypto.random import new_code
from libs.oauth.errors import InvalidRequest, LoginRequired, OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.device.domain.device_codes import Approval
from services.device.domain.user_codes import ALPHABET
from services.device.usecases.create_device_code import Codes
from services.device.usecases.decide_device_code import Decision
from services.device.usecases.look_up_user_code import Typed
from tests.storage.device.world import ATTEMPTS, BROWSER_PREFIX, LIFETIME, NOON, REQUESTS, Replica, World
from tests.support.databases import statements

MINUTE = timedelta(minutes=1)


def guess() -> str:
    return new_code(ALPHABET, 8)


async def refusal_of(asked) -> OAuthError | None:
    try:
        await asked
    except OAuthError as error:
        return error
    return None


async def wrong(here: Replica, *, user_id: str = "alice-id", ip_prefix: str = BROWSER_PREFIX) -> str:
    """The reason why a guess is refused."""
    refusal = await refusal_of(here.find(guess(), user_id=user_id, ip_prefix=ip_prefix))
    assert refusal is not None
    return refusal.reason


@pytest.mark.s(62)
async def test_one_address_may_begin_so_many_a_minute(world: World, here: Replica) -> None:
    for _ in range(REQUESTS.per_address):
        await here.ask()
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await here.ask()
    assert (refusal.value.reason, refusal.value.retry_after) == ("DEVICE_REQUESTS_OF_ADDRESS", 60)
    await here.ask(ip_prefix="203.0.113.0/24")
    world.clock.move(MINUTE)
    await here.ask()


@pytest.mark.s(62)
async def test_one_client_may_begin_so_many_a_minute(here: Replica) -> None:
    for number in range(REQUESTS.per_client):
        await here.ask(ip_prefix=f"10.0.{number}.0/24")
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await here.ask(ip_prefix="10.0.99.0/24")
    assert refusal.value.reason == "DEVICE_REQUESTS_OF_CLIENT"
    await here.ask(client_id="c_other", ip_prefix="10.0.99.0/24")


@pytest.mark.s(62)
async def test_so_many_may_be_alive_at_all(world: World, here: Replica) -> None:
    for number in range(REQUESTS.alive):
        await here.ask(client_id=f"c_{number}", ip_prefix=f"10.0.{number}.0/24")
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await here.ask(client_id="c_last", ip_prefix="10.0.99.0/24")
    assert refusal.value.reason == "DEVICE_CODES_FULL"
    assert refusal.value.retry_after
    world.clock.move(LIFETIME)
    await here.ask(client_id="c_last", ip_prefix="10.0.99.0/24")


@pytest.mark.s(62)
async def test_requests_that_come_at_once_do_not_slip_through(world: World, here: Replica) -> None:
    refusals = await asyncio.gather(*(refusal_of(here.ask()) for _ in range(3 * REQUESTS.per_address)))
    assert len(await world.rows()) == REQUESTS.per_address
    assert {refusal.reason for refusal in refusals if refusal} == {"DEVICE_REQUESTS_OF_ADDRESS"}


@pytest.mark.s(62)
async def test_asking_in_vain_writes_nothing(world: World, here: Replica) -> None:
    for _ in range(REQUESTS.per_address):
        await here.ask()
    with statements(world.database) as sent:
        await refusal_of(here.ask())
    assert [statement.split()[0] for statement in sent] == ["SELECT"]


@pytest.mark.s(34, 47)
async def test_one_person_may_mistype_so_often(world: World, here: Replica) -> None:
    codes = await here.ask()
    for _ in range(ATTEMPTS.per_person):
        assert await wrong(here) == "USER_CODE_UNKNOWN"
    refusal = await refusal_of(here.find(codes.user_code))  # a right one is not looked at either
    assert isinstance(refusal, TemporarilyUnavailable)
    assert (refusal.reason, refusal.retry_after) == ("USER_CODE_ATTEMPTS", 300)
    assert isinstance(await refusal_of(here.decide(codes)), TemporarilyUnavailable)
    await here.find(codes.user_code, user_id="bob-id")  # others may go on
    world.clock.move(5 * MINUTE)
    await here.find(codes.user_code)


@pytest.mark.s(34, 47)
async def test_one_address_and_all_together_may_mistype_so_often(here: Replica) -> None:
    for number in range(ATTEMPTS.per_address):
        assert await wrong(here, user_id=f"user-{number}") == "USER_CODE_UNKNOWN"
    assert await wrong(here, user_id="another") == "USER_CODE_ATTEMPTS"
    for number in range(ATTEMPTS.overall - ATTEMPTS.per_address):
        reason = await wrong(here, user_id=f"far-{number}", ip_prefix=f"10.0.{number}.0/24")
        assert reason == "USER_CODE_UNKNOWN"
    assert await wrong(here, user_id="far", ip_prefix="10.0.99.0/24") == "USER_CODE_ATTEMPTS"


@pytest.mark.s(34, 47)
async def test_guesses_that_come_at_once_are_all_counted(world: World, here: Replica) -> None:
    there = world.replica()
    guesses = [refusal_of(replica.find(guess())) for _ in range(8) for replica in (here, there)]
    reasons = [refusal.reason for refusal in await asyncio.gather(*guesses) if refusal]
    assert reasons.count(Reason.USER_CODE_UNKNOWN) == ATTEMPTS.per_person
    assert reasons.count(Reason.USER_CODE_ATTEMPTS) == 16 - ATTEMPTS.per_person


async def test_right_codes_do_not_count(world: World, here: Replica) -> None:
    codes = await here.ask()
    for _ in range(3 * ATTEMPTS.overall):
        await here.find(codes.user_code)
    assert {key: count for key, count in (await world.tallies()).items() if key.startswith("attempt")} == {
        "attempt": 0,
        f"attempt address {BROWSER_PREFIX}": 0,
        "attempt person alice-id": 0,
    }


@pytest.mark.parametrize("typed", ["", "WDJB", "WDJB-MJHTX", "WDJB-MJH1", "AEIO-UAEI", "x" * 1000])
async def test_what_cannot_be_a_code_is_no_guess(world: World, here: Replica, typed: str) -> None:
    refusal = await refusal_of(here.find(typed))
    assert isinstance(refusal, InvalidRequest)
    assert await world.tallies() == {}


@pytest.mark.s(47)
async def test_a_wrong_decision_is_a_guess_as_well(world: World, here: Replica) -> None:
    codes = Codes("", guess(), LIFETIME, LIFETIME)
    for _ in range(ATTEMPTS.per_person):
        assert isinstance(await refusal_of(here.decide(codes)), InvalidRequest)
    assert isinstance(await refusal_of(here.decide(codes)), TemporarilyUnavailable)
    stale = Decision(Typed(guess(), "bob-id", BROWSER_PREFIX), Approval("bob-id", "s", b""), NOON - LIFETIME, True)
    assert isinstance(await refusal_of(here.decide_code(stale)), LoginRequired)


@pytest.mark.s(62)
async def test_counts_are_forgotten_when_their_window_is_over(world: World, here: Replica) -> None:
    await here.ask()
    await wrong(here)
    world.clock.move(5 * MINUTE)
    await here.sweep()
    assert await world.tallies() != {}
    world.clock.move(timedelta(microseconds=1))
    await here.sweep()
    assert await world.tallies() == {}

"""The account data that the token service reads."""

from datetime import timedelta

import pytest

from services.authentication.domain.accounts.account import AccountState
from services.authentication.domain.accounts.claims import CLAIM_NAMES
from tests.storage.authentication.world import IDLE, NOON, ORIGIN, World
from tests.support.databases import statements

NO_RECIPIENT = "019df2dc-0a00-7000-81fd-c3f9278dbbca"
ALL_CLAIMS: dict[str, object] = {
    "name": "Alice Example",
    "given_name": "Alice",
    "family_name": "Example",
    "middle_name": "Q",
    "nickname": "Al",
    "preferred_username": "al",
    "profile": "https://example.org/alice",
    "picture": "https://example.org/alice.png",
    "website": "https://alice.example",
    "email": "alice@example.org",
    "email_verified": True,
    "gender": "female",
    "birthdate": "1990-02-28",
    "zoneinfo": "Europe/Paris",
    "locale": "en-GB",
    "phone_number": "+1 425 555 1212",
    "phone_number_verified": False,
    "address": {"formatted": "1 High Street\nTown", "country": "GB"},
}


async def test_all_standard_claims_come_back_as_they_were_set(world: World) -> None:
    assert set(ALL_CLAIMS) == set(CLAIM_NAMES)
    alice = await world.user("alice", **ALL_CLAIMS)

    with statements(world.database) as sent:
        answer = await world.get_account(alice.id, session_id="", claims=[*CLAIM_NAMES, "updated_at", "unheard_of"])

    assert len(sent) == 1
    assert answer is not None
    assert answer.claims == ALL_CLAIMS | {"updated_at": int(NOON.timestamp())}


async def test_get_account_returns_only_the_requested_claims(world: World) -> None:
    alice = await world.user("alice", **ALL_CLAIMS)
    answer = await world.get_account(alice.id, session_id="", claims=["email", "sub"])
    assert answer is not None
    assert answer.claims == {"email": "alice@example.org"}
    nothing = await world.get_account(alice.id, session_id="", claims=[])
    assert nothing is not None
    assert nothing.claims == {}


async def test_an_account_and_its_session_take_one_read(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    with statements(world.database) as sent:
        answer = await world.get_account(alice, session_id=signed_in.session.id, claims=["name"])
    assert len(sent) == 1
    assert answer is not None
    assert (answer.state, answer.session_live, answer.claims) == (AccountState.ACTIVE, True, {"name": "Alice Example"})


async def test_a_session_that_ended_or_expired_is_not_live(world: World, alice: str) -> None:
    ended, expired = await world.signed_in(), await world.signed_in()
    await world.end_session(ended.session_secret, origin=ORIGIN)
    assert not await _session_live(world, alice, ended.session.id)
    assert await _session_live(world, alice, expired.session.id)
    world.clock.move(IDLE)
    assert not await _session_live(world, alice, expired.session.id)


async def test_session_is_not_live_when_it_is_unknown_or_of_another_user(world: World, alice: str) -> None:
    await world.user("bob")
    of_bob = await world.signed_in("bob")
    assert not await _session_live(world, alice, of_bob.session.id)
    assert not await _session_live(world, alice, NO_RECIPIENT)
    assert not await _session_live(world, alice, "\x00")
    assert not await _session_live(world, alice, "")


async def test_asking_about_a_session_is_no_use_of_it(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    world.clock.move(timedelta(hours=1))
    await _session_live(world, alice, signed_in.session.id)
    with statements(world.database) as sent:
        await world.touch()
    assert not sent


@pytest.mark.s(36)
async def test_a_disabled_account_has_no_live_session_and_tells_no_claims(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    await world.disable_user("alice", operator="cli")
    answer = await world.get_account(alice, session_id=signed_in.session.id, claims=["name"])
    assert answer is not None
    assert (answer.state, answer.session_live, answer.claims) == (AccountState.DISABLED, False, {})


@pytest.mark.parametrize("user_id", ["", "alice", "\x00", "x" * 10_000, NO_RECIPIENT])
async def test_an_unknown_user_is_no_answer(world: World, alice: str, user_id: str) -> None:
    assert await world.get_account(user_id, session_id="", claims=["name"]) is None


async def _session_live(world: World, user_id: str, session_id: str) -> bool:
    answer = await world.get_account(user_id, session_id=session_id, claims=[])
    assert answer is not None
    return answer.session_live

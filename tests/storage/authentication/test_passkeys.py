"""Passkeys, as second factor and alone, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from libs.oauth import acr
from libs.oauth.errors import AccessDenied, InvalidRequest, OAuthError
from services.authentication.domain.factors.challenges import LIFETIME
from services.authentication.usecases.sessions.start_session import SignedIn
from tests.storage.authentication.world import ISSUER, ORIGIN, World
from tests.support.soft_passkey import SoftPasskey

BROWSER = "a browser"


async def enrolled(world: World, signed_in: SignedIn, passkey: SoftPasskey, name: str = "") -> SignedIn:
    answer = passkey.create(await world.start_passkey(signed_in.session_secret))
    return await world.add_passkey(signed_in.session_secret, answer, name=name, origin=ORIGIN)


@pytest.fixture
async def passkey(world: World, alice: str) -> SoftPasskey:
    """Alice's."""
    made = SoftPasskey(ISSUER)
    await enrolled(world, await world.signed_in(), made, name="My key")
    return made


async def alone(world: World, answer: str, *, browser: str = BROWSER, session_secret: str = "") -> SignedIn:
    return await world.sign_in_with_passkey(answer, browser=browser, session_secret=session_secret, origin=ORIGIN)


async def options_of(world: World, attempt_secret: str) -> str:
    return (await world.find_attempt(attempt_secret, session_secret="")).passkey_options


async def refused(call: Awaitable[object], reason: str = "WRONG_PROOF") -> None:
    with pytest.raises(OAuthError) as refusal:
        await call
    assert refusal.value.reason == reason


@pytest.mark.s(48)
async def test_a_passkey_is_the_second_step(world: World, passkey: SoftPasskey, alice: str) -> None:
    attempt_secret = await world.half_signed_in()
    answer = passkey.get(await options_of(world, attempt_secret))
    signed_in = await world.prove(attempt_secret, answer, kind="passkey")
    assert (signed_in.session.user_id, signed_in.session.acr) == (alice, acr.MFA)
    assert signed_in.session.amr == ("pwd", "hwk", "user", "mfa")
    [factor] = (await world.list_factors(signed_in.session_secret)).factors
    assert (factor.name, factor.last_used_at) == ("My key", world.clock.now())
    [emitted] = await world.events("factor.added")
    assert emitted["data"]["kind"] == "passkey"


@pytest.mark.s(48)
@pytest.mark.parametrize(("synced", "method"), [(True, "swk"), (False, "hwk")])
async def test_a_passkey_alone_signs_in_when_it_verifies_its_user(
    world: World, alice: str, *, synced: bool, method: str
) -> None:
    passkey = SoftPasskey(ISSUER, synced=synced)
    here = await enrolled(world, await world.signed_in(), passkey)
    answer = passkey.get(world.start_passkey_sign_in(BROWSER))
    signed_in = await alone(world, answer, session_secret=here.session_secret)
    assert (signed_in.session.user_id, signed_in.session.amr) == (alice, (method, "user", "mfa"))
    assert not await world.live(here)
    live = await world.get_session(signed_in.session_secret)
    assert live is not None
    assert live.is_recent
    await world.check_books()


@pytest.mark.s(48)
async def test_passkey_without_user_verification_is_refused_alone(world: World, passkey: SoftPasskey) -> None:
    passkey.verifies = False
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))))
    attempt_secret = await world.half_signed_in()
    assert await world.prove(attempt_secret, passkey.get(await options_of(world, attempt_secret)), kind="passkey")


LIES: list[tuple[str, dict[str, Any]]] = [
    ("another origin", {"origin": "https://evil.example"}),
    ("a subdomain", {"origin": ISSUER.replace("://", "://login.")}),
    ("another port", {"origin": f"{ISSUER}:8443"}),
    ("plain http", {"origin": ISSUER.replace("https", "http")}),
    ("another domain", {"rp_id": "evil.example"}),
    ("another ceremony", {"client_data": {"type": "webauthn.create"}}),
    ("in a foreign frame", {"client_data": {"crossOrigin": True}}),
    ("another key", {"key": ec.generate_private_key(ec.SECP256R1())}),
    ("of another user", {"user_handle": b"x" * 16}),
    ("a challenge of another server", {"challenge": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}),
]


@pytest.mark.s(48)
@pytest.mark.parametrize("lie", [lie for _, lie in LIES], ids=[name for name, _ in LIES])
async def test_invalid_passkey_response_is_refused_alone_and_as_second_step(
    world: World, passkey: SoftPasskey, lie: dict[str, Any]
) -> None:
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER), **lie)))
    attempt_secret = await world.half_signed_in()
    answer = passkey.get(await options_of(world, attempt_secret), **lie)
    await refused(world.prove(attempt_secret, answer, kind="passkey"))


@pytest.mark.s(48)
@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "x" * 20_000, '{"id": 1, "response": {}}', "[" * 5_000])
async def test_what_is_no_answer_at_all_is_refused(world: World, passkey: SoftPasskey, answer: str) -> None:
    await refused(alone(world, answer))
    await refused(world.prove(await world.half_signed_in(), answer, kind="passkey"))
    session = await world.sign_in_again(passkey)
    await refused(world.add_passkey(session.session_secret, answer, name="", origin=ORIGIN))


@pytest.mark.s(48)
async def test_a_challenge_is_answered_once(world: World, passkey: SoftPasskey) -> None:
    passkey.counts = False  # or the counter alone would tell
    passkey.count = 0
    answer = passkey.get(world.start_passkey_sign_in(BROWSER))
    await alone(world, answer)
    await refused(alone(world, answer))


@pytest.mark.s(48)
async def test_of_two_replicas_one_takes_an_answer(world: World, passkey: SoftPasskey) -> None:
    passkey.counts, passkey.count = False, 0
    answer = passkey.get(world.start_passkey_sign_in(BROWSER))
    outcomes = await asyncio.gather(*(alone(world, answer) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AccessDenied) for outcome in outcomes) == 3
    await world.check_books()


@pytest.mark.s(48)
async def test_a_challenge_lives_for_ten_minutes(world: World, passkey: SoftPasskey) -> None:
    answer = passkey.get(world.start_passkey_sign_in(BROWSER))
    world.clock.move(LIFETIME)
    await refused(alone(world, answer))


@pytest.mark.s(39, 48)
async def test_a_challenge_is_good_where_it_was_given(world: World, passkey: SoftPasskey) -> None:
    first, second = await world.half_signed_in(), await world.half_signed_in()
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER)), browser="another one"))
    await refused(world.prove(second, passkey.get(await options_of(world, first)), kind="passkey"))
    await refused(world.prove(first, passkey.get(world.start_passkey_sign_in(BROWSER)), kind="passkey"))
    await refused(alone(world, passkey.get(await options_of(world, first))))
    assert await world.prove(first, passkey.get(await options_of(world, first)), kind="passkey")


@pytest.mark.s(48)
async def test_a_counter_that_has_not_risen_is_a_copys(world: World, passkey: SoftPasskey) -> None:
    passkey.count = 7
    await alone(world, passkey.get(world.start_passkey_sign_in(BROWSER)))
    passkey.count = 6
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))))
    passkey.count = 8
    assert await alone(world, passkey.get(world.start_passkey_sign_in(BROWSER)))


@pytest.mark.s(48)
async def test_a_passkey_that_could_not_be_copied_and_now_could_is_refused(world: World, passkey: SoftPasskey) -> None:
    passkey.synced = True
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))))


@pytest.mark.s(55)
async def test_passkey_of_another_user_is_refused_as_second_step(world: World, passkey: SoftPasskey) -> None:
    await world.user("bob")
    bobs = SoftPasskey(ISSUER)
    await enrolled(world, await world.signed_in("bob"), bobs)
    attempt_secret = await world.half_signed_in("alice")
    bobs.user_handle = passkey.user_handle
    await refused(world.prove(attempt_secret, bobs.get(await options_of(world, attempt_secret)), kind="passkey"))


@pytest.mark.s(48)
async def test_passkey_belongs_to_one_user(world: World, passkey: SoftPasskey) -> None:
    await world.user("bob")
    bob = await world.signed_in("bob")
    answer = passkey.create(await world.start_passkey(bob.session_secret))
    with pytest.raises(InvalidRequest) as refusal:
        await world.add_passkey(bob.session_secret, answer, name="", origin=ORIGIN)
    assert refusal.value.reason == "PASSKEY_TAKEN"
    assert not (await world.list_factors(bob.session_secret)).factors


@pytest.mark.s(49)
async def test_what_was_made_for_one_session_is_not_added_in_another(world: World, alice: str) -> None:
    first, second = await world.signed_in(), await world.signed_in()
    answer = SoftPasskey(ISSUER).create(await world.start_passkey(first.session_secret))
    await refused(world.add_passkey(second.session_secret, answer, name="", origin=ORIGIN))


@pytest.mark.s(46)
async def test_unknown_passkey_gets_the_same_refusal(world: World, passkey: SoftPasskey) -> None:
    await refused(alone(world, SoftPasskey(ISSUER).get(world.start_passkey_sign_in(BROWSER))))
    passkey.verifies = False
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))))
    first, second = await world.events("login.failed")
    assert (first["reason"], second["reason"]) == ("wrong_credentials", "wrong_credentials")
    assert first["subject"].startswith("unknown-")


@pytest.mark.s(47)
async def test_invalid_passkey_responses_throttle_their_network(world: World, passkey: SoftPasskey) -> None:
    passkey.verifies = False
    for _ in range(5):
        await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))))
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))), "SIGN_IN_THROTTLED")


@pytest.mark.s(55)
@pytest.mark.parametrize("end", ["removed", "reset", "disabled"])
async def test_a_passkey_that_was_taken_away_opens_nothing(
    world: World, passkey: SoftPasskey, *, end: str, alice: str
) -> None:
    session = await world.sign_in_again(passkey)
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "removed": lambda: _remove_all(world, session),
        "reset": lambda: world.reset_factors("alice", operator="cli"),
        "disabled": lambda: world.disable_user("alice", operator="cli"),
    }
    await ways[end]()
    await refused(alone(world, passkey.get(world.start_passkey_sign_in(BROWSER))))
    if end == "removed":
        assert await world.signed_in()


async def _remove_all(world: World, session: SignedIn) -> None:
    for factor in (await world.list_factors(session.session_secret)).factors:
        assert await world.remove_factor(session.session_secret, factor.id)


async def test_used_challenges_are_swept(world: World, passkey: SoftPasskey) -> None:
    await alone(world, passkey.get(world.start_passkey_sign_in(BROWSER)))
    assert await world.raw("SELECT * FROM used_challenges")
    world.clock.move(LIFETIME + timedelta(seconds=1))
    await world.sweep()
    assert not await world.raw("SELECT * FROM used_challenges")

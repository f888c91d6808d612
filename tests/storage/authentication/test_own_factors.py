"""A user and their second factors, and operators who reset them, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from libs.oauth import acr
from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.domain.factors.factor import ENROLMENT_LIFETIME, MAX_PER_KIND
from services.authentication.domain.sessions.session import RECENT_SIGN_IN
from services.authentication.usecases.sessions.start_session import SignedIn
from tests.storage.authentication.world import ORIGIN, STEP, App, World

CHANGES: dict[str, Callable[[World, str], Awaitable[object]]] = {
    "starting an app": lambda world, secret: world.start_totp(secret),
    "confirming an app": lambda world, secret: world.confirm_totp(secret, "000000", name="", origin=ORIGIN),
    "starting a passkey": lambda world, secret: world.start_passkey(secret),
    "adding a passkey": lambda world, secret: world.add_passkey(secret, "{}", name="", origin=ORIGIN),
    "removing": lambda world, secret: world.remove_factor(secret, "x"),
    "recovery codes": lambda world, secret: world.create_recovery_codes(secret),
}


@pytest.fixture
async def user(world: World) -> str:
    """Alice, with an address to write to."""
    return (await world.user("alice", name="Alice Example", email="alice@example.com")).id


async def emails(world: World) -> list[tuple[str, str]]:
    return [(row.kind, row.words["factor"]) for row in await world.emails()]


@pytest.mark.s(49)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_every_change_takes_a_recent_sign_in(
    world: World, user: str, change: Callable[[World, str], Awaitable[object]]
) -> None:
    session = await world.signed_in()
    world.clock.move(RECENT_SIGN_IN + timedelta(seconds=1))
    for secret, reason in ((session.session_secret, "REAUTHENTICATION_REQUIRED"), ("x" * 43, "SESSION_MISSING")):
        with pytest.raises(AccessDenied) as refusal:
            await change(world, secret)
        assert refusal.value.reason == reason


@pytest.mark.s(49)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_with_a_factor_every_change_takes_both_steps(
    world: World, user: str, change: Callable[[World, str], Awaitable[object]]
) -> None:
    stolen = await world.signed_in()
    await world.with_app(await world.signed_in())
    with pytest.raises(AccessDenied) as refusal:
        await change(world, stolen.session_secret)
    assert refusal.value.reason == "REAUTHENTICATION_REQUIRED"
    assert await world.live(stolen)


@pytest.mark.s(38)
async def test_a_new_factor_gives_the_session_another_secret_and_a_higher_class(world: World, user: str) -> None:
    before = await world.signed_in()
    after = (await world.with_app(before)).session
    assert after is not None
    assert not await world.live(before)
    assert (after.session.id, after.session.acr) == (before.session.id, acr.MFA)
    [emitted] = await world.events("login.stepped_up")
    assert emitted["data"]["amr"] == ["pwd", "otp", "mfa"]
    await world.check_books()


@pytest.mark.s(49)
async def test_user_is_notified_of_added_and_removed_factors(world: World, user: str) -> None:
    session = (await world.with_app(await world.signed_in())).session
    assert session is not None
    await world.create_recovery_codes(session.session_secret)
    [factor] = (await world.list_factors(session.session_secret)).factors
    await world.remove_factor(session.session_secret, factor.id)
    assert sorted(await emails(world)) == [
        ("factor-added", "recovery-codes"),
        ("factor-added", "totp"),
        ("factor-removed", "totp"),
    ]
    emitted = [
        event["type"] for event in await world.events("factor.added", "recovery_codes.created", "factor.removed")
    ]
    assert emitted == [f"latchkey.{name}.v1" for name in ("factor.added", "recovery_codes.created", "factor.removed")]


async def test_an_enrolment_belongs_to_its_session_and_ends(world: World, user: str) -> None:
    first, second = await world.signed_in(), await world.signed_in()
    secret, _ = await world.start_totp(first.session_secret)
    assert (await world.start_totp(first.session_secret))[0] == secret
    code = App(secret, world.clock).code()
    with pytest.raises(AccessDenied) as refusal:
        await world.confirm_totp(second.session_secret, code, name="", origin=ORIGIN)
    assert refusal.value.reason == "ENROLMENT_UNKNOWN"
    assert (await world.start_totp(second.session_secret))[0] != secret  # and the other one is void
    with pytest.raises(AccessDenied):
        await world.confirm_totp(first.session_secret, code, name="", origin=ORIGIN)
    assert ENROLMENT_LIFETIME > RECENT_SIGN_IN


async def test_an_app_that_gave_no_code_counts_for_nothing(world: World, user: str) -> None:
    session = await world.signed_in()
    await world.start_totp(session.session_secret)
    with pytest.raises(AccessDenied) as refusal:
        await world.confirm_totp(session.session_secret, "000000", name="", origin=ORIGIN)
    assert refusal.value.reason == "WRONG_PROOF"
    assert await world.signed_in()


async def test_there_are_only_so_many(world: World, user: str) -> None:
    session = await world.signed_in()
    for _ in range(MAX_PER_KIND):
        app = await world.with_app(session)
        assert app.session is not None
        session = app.session
    with pytest.raises(InvalidRequest) as refusal:
        await world.with_app(session)
    assert refusal.value.reason == "FACTORS_TOO_MANY"


@pytest.mark.s(55)
async def test_remove_factor_is_refused_for_factor_of_another_user(world: World, user: str) -> None:
    session = (await world.with_app(await world.signed_in())).session
    assert session is not None
    await world.user("bob")
    bob = await world.signed_in("bob")
    [factor] = (await world.list_factors(session.session_secret)).factors
    assert await world.remove_factor(bob.session_secret, factor.id) is None
    assert await world.half_signed_in()


@pytest.mark.s(48)
async def test_recovery_codes_are_digests_good_once_and_replaced_whole(world: World, user: str) -> None:
    session = (await world.with_app(await world.signed_in())).session
    assert session is not None
    old = await world.create_recovery_codes(session.session_secret)
    codes = await world.create_recovery_codes(session.session_secret)
    assert len(set(codes)) == 10
    stored = str(await world.raw("SELECT * FROM recovery_codes"))
    assert not any(code in stored or code.replace("-", "") in stored for code in (*old, *codes))
    typed = codes[0].upper().replace("0", "O").replace("-", " ")
    assert await world.prove(await world.half_signed_in(), typed, kind="recovery_code")
    for code in (codes[0], old[1], "", "0" * 12):
        with pytest.raises(AccessDenied):
            await world.prove(await world.half_signed_in(), code, kind="recovery_code")
    world.clock.move(timedelta(minutes=1))
    assert await world.prove(await world.half_signed_in(), codes[1], kind="recovery_code")
    assert (await world.list_factors(session.session_secret)).codes_left == 8


@pytest.mark.s(48)
async def test_codes_go_with_the_last_factor(world: World, user: str) -> None:
    session = (await world.with_app(await world.signed_in())).session
    assert session is not None
    await world.create_recovery_codes(session.session_secret)
    [factor] = (await world.list_factors(session.session_secret)).factors
    await world.remove_factor(session.session_secret, factor.id)
    assert not await world.raw("SELECT * FROM recovery_codes")
    with pytest.raises(InvalidRequest):
        await world.create_recovery_codes((await world.signed_in()).session_secret)


@pytest.mark.s(48)
@pytest.mark.parametrize("kind", ["totp", "recovery_code"])
async def test_of_many_replicas_one_takes_a_code(world: World, user: str, kind: str) -> None:
    app = await world.with_app(await world.signed_in())
    assert app.session is not None
    code = app.code() if kind == "totp" else (await world.create_recovery_codes(app.session.session_secret))[0]
    attempts = [await world.half_signed_in() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(world.prove(attempt, code, kind=kind) for attempt in attempts), return_exceptions=True
    )
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AccessDenied) for outcome in outcomes) == 3
    await world.check_books()


@pytest.mark.s(48, 55)
async def test_of_many_replicas_one_completes_an_attempt(world: World, user: str) -> None:
    session = (await world.with_app(await world.signed_in())).session
    assert session is not None
    codes = await world.create_recovery_codes(session.session_secret)
    attempt_secret = await world.half_signed_in()
    outcomes = await asyncio.gather(
        *(world.prove(attempt_secret, code, kind="recovery_code") for code in codes[:4]), return_exceptions=True
    )
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert (await world.list_factors(session.session_secret)).codes_left == 9
    await world.check_books()


@pytest.mark.s(47)
async def test_concurrent_wrong_codes_are_counted_one_by_one(world: World, user: str) -> None:
    await world.with_app(await world.signed_in())
    attempts = [await world.half_signed_in() for _ in range(12)]
    outcomes = await asyncio.gather(
        *(world.prove(attempt, f"{number:06}") for number, attempt in enumerate(attempts)), return_exceptions=True
    )
    reasons = [getattr(outcome, "reason", "") for outcome in outcomes]
    assert (reasons.count("WRONG_PROOF"), reasons.count("SIGN_IN_THROTTLED")) == (5, 7)


@pytest.mark.s(49)
async def test_operator_resets_the_factors_of_a_user_who_lost_them(world: World, user: str) -> None:
    session = (await world.with_app(await world.signed_in())).session
    assert session is not None
    await world.create_recovery_codes(session.session_secret)
    assert await world.reset_factors("Alice", operator="cli") == 1
    assert await world.reset_factors("alice", operator="cli") == 0
    assert not await world.live(session)
    assert await world.signed_in()
    [removed] = await world.events("factor.removed")
    assert (removed["actortype"], removed["data"]["kind"]) == ("admin", "totp")
    [ended] = [event for event in await world.events("session.ended") if event["reason"] == "factors_reset"]
    assert ended["data"]["session_id"] == session.session.id
    with pytest.raises(InvalidRequest):
        await world.reset_factors("unknown", operator="cli")
    await world.check_books()


@pytest.mark.s(38, 40)
async def test_a_step_up_keeps_the_session_and_when_it_began(world: World, user: str) -> None:
    plain = await world.signed_in()
    app = await world.with_app(await world.signed_in())
    world.clock.move(timedelta(hours=1))
    begun = await world.start_step_up(plain.session_secret)
    assert begun is not None
    found = await world.find_attempt(begun.attempt_secret, session_secret=plain.session_secret)
    assert found.is_step_up
    with pytest.raises(AccessDenied):  # it is for that session alone
        await world.prove(begun.attempt_secret, app.code())
    after = await world.prove(begun.attempt_secret, app.code(), session_secret=plain.session_secret)
    assert (after.session.id, after.session.acr) == (plain.session.id, acr.MFA)
    assert after.session.authenticated_at == plain.session.authenticated_at
    assert not await world.live(plain)
    assert await world.live(after)
    live = await world.get_session(after.session_secret)
    assert live is not None
    assert not live.is_recent
    await world.check_books()


async def test_a_session_that_ended_is_not_stepped_up(world: World, user: str) -> None:
    plain = await world.signed_in()
    app = await world.with_app(await world.signed_in())
    begun = await world.start_step_up(plain.session_secret)
    assert begun is not None
    await world.end_session(plain.session_secret, origin=ORIGIN)
    with pytest.raises(AccessDenied) as refusal:
        await world.prove(begun.attempt_secret, app.code(), session_secret=plain.session_secret)
    assert refusal.value.reason == "ATTEMPT_UNKNOWN"
    world.clock.move(STEP)


async def test_step_up_reports_a_user_without_a_second_factor(world: World, user: str) -> None:
    assert await world.start_step_up((await world.signed_in()).session_secret) is None

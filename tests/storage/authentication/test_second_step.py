"""The second step of a sign-in with an authenticator app, on both databases."""

from datetime import timedelta

import pytest

from libs.oauth import acr
from libs.oauth.errors import AccessDenied, OAuthError, TemporarilyUnavailable
from services.authentication.domain.factors.factor import FactorKind
from services.authentication.domain.sign_in.sign_in_attempts import LIFETIME
from services.authentication.usecases.factors.verify_factor import Proof
from services.authentication.usecases.sign_in.sign_in import Attempt
from tests.storage.authentication.world import ORIGIN, PASSWORD, STEP, App, World

WRONG = "000000"


@pytest.fixture
async def app(world: World, alice: str) -> App:
    """Alice's authenticator app."""
    return await world.with_app(await world.signed_in())


async def refused(world: World, attempt_secret: str, code: str, **more: str) -> OAuthError:
    with pytest.raises((AccessDenied, TemporarilyUnavailable)) as refusal:
        await world.prove(attempt_secret, code, **more)
    return refusal.value


@pytest.mark.s(55)
async def test_a_password_alone_does_not_sign_in_any_more(world: World, app: App, alice: str) -> None:
    before = await world.sessions()
    attempt_secret = await world.half_signed_in()
    assert await world.sessions() == before
    assert await world.get_session(attempt_secret) is None
    signed_in = await world.prove(attempt_secret, app.code())
    assert (signed_in.session.user_id, signed_in.session.acr) == (alice, acr.MFA)
    assert signed_in.session.amr == ("pwd", "otp", "mfa")
    live = await world.get_session(signed_in.session_secret)
    assert live is not None
    assert live.is_recent
    emitted = (await world.events("login.succeeded"))[-1]["data"]
    assert (emitted["amr"], emitted["acr"]) == (["pwd", "otp", "mfa"], acr.MFA)
    await world.check_books()


@pytest.mark.s(48)
@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_is_good_one_step_around_now(world: World, app: App, *, steps: int, good: bool) -> None:
    world.clock.move(5 * STEP)
    attempt_secret = await world.half_signed_in()
    if good:
        assert await world.prove(attempt_secret, app.code(steps=steps))
    else:
        assert (await refused(world, attempt_secret, app.code(steps=steps))).reason == "WRONG_PROOF"


@pytest.mark.s(48)
async def test_a_code_is_good_once_and_none_before_it_afterwards(world: World, app: App) -> None:
    world.clock.move(5 * STEP)
    await world.prove(await world.half_signed_in(), app.code())
    again = await world.half_signed_in()
    assert (await refused(world, again, app.code())).reason == "WRONG_PROOF"
    assert (await refused(world, again, app.code(steps=-1))).reason == "WRONG_PROOF"
    assert await world.prove(again, app.code(steps=1))


@pytest.mark.s(48)
async def test_enrolment_code_cannot_be_used_to_sign_in(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    secret, _ = await world.start_totp(signed_in.session_secret)
    app = App(secret, world.clock)
    await world.confirm_totp(signed_in.session_secret, app.code(), name="", origin=ORIGIN)
    assert (await refused(world, await world.half_signed_in(), app.code())).reason == "WRONG_PROOF"


@pytest.mark.s(55)
async def test_an_attempt_is_completed_once(world: World, app: App) -> None:
    attempt_secret = await world.half_signed_in()
    await world.prove(attempt_secret, app.code())
    world.clock.move(STEP)
    assert (await refused(world, attempt_secret, app.code())).reason == "ATTEMPT_UNKNOWN"
    with pytest.raises(AccessDenied):
        await world.find_attempt(attempt_secret, session_secret="")


@pytest.mark.s(55)
async def test_an_attempt_lives_for_ten_minutes(world: World, app: App) -> None:
    attempt_secret = await world.half_signed_in()
    world.clock.move(LIFETIME)
    assert (await refused(world, attempt_secret, app.code())).reason == "ATTEMPT_UNKNOWN"


@pytest.mark.s(39)
async def test_an_attempt_is_good_in_the_browser_in_which_it_began(world: World, app: App) -> None:
    assert app.session is not None
    await world.user("bob")
    bob = await world.signed_in("bob")
    for begun, continued in (("", bob.session_secret), (bob.session_secret, ""), (bob.session_secret, "x" * 43)):
        attempt_secret = await world.half_signed_in(session_secret=begun)
        error = await refused(world, attempt_secret, app.code(), session_secret=continued)
        assert error.reason == "ATTEMPT_UNKNOWN"
    attempt_secret = await world.half_signed_in(session_secret=bob.session_secret)
    await world.prove(attempt_secret, app.code(), session_secret=bob.session_secret)
    assert not await world.live(bob)  # replaced: one browser, one session


@pytest.mark.s(55)
async def test_sign_in_attempt_is_not_completed_with_factor_of_another_user(world: World, app: App) -> None:
    await world.user("bob")
    bobs = await world.with_app(await world.signed_in("bob"))
    of_alice, of_bob = await world.half_signed_in("alice"), await world.half_signed_in("bob")
    assert (await refused(world, of_alice, bobs.code())).reason == "WRONG_PROOF"
    assert (await refused(world, of_bob, app.code())).reason == "WRONG_PROOF"
    assert (await world.prove(of_alice, app.code())).session.user_id != (
        await world.prove(of_bob, bobs.code())
    ).session.user_id


@pytest.mark.s(55)
@pytest.mark.parametrize("change", ["password", "disabled", "reset"])
async def test_what_happens_to_the_account_meanwhile_wins(world: World, app: App, change: str) -> None:
    attempt_secret = await world.half_signed_in()
    if change == "password":
        await world.set_password("alice", "another-password", operator="cli")
    elif change == "disabled":
        await world.disable_user("alice", operator="cli")
    else:
        await world.reset_factors("alice", operator="cli")
    reason = "WRONG_PROOF" if change == "reset" else "ATTEMPT_UNKNOWN"
    assert (await refused(world, attempt_secret, app.code())).reason == reason


@pytest.mark.s(17)
async def test_a_client_with_the_password_gets_nothing(world: World, app: App) -> None:
    before = len(await world.sessions())
    with pytest.raises(AccessDenied) as refusal:
        await world.sign_in(Attempt("alice", PASSWORD, origin=ORIGIN, through_client=True))
    assert refusal.value.reason == "SECOND_FACTOR_REQUIRED"
    with pytest.raises(AccessDenied) as refusal:
        await world.sign_in(Attempt("alice", "wrong", origin=ORIGIN, through_client=True))
    assert refusal.value.reason == "WRONG_CREDENTIALS"
    assert len(await world.sessions()) == before
    reasons = [event["reason"] for event in await world.events("login.failed")]
    assert reasons == ["second_factor_required", "wrong_credentials"]


@pytest.mark.s(47)
async def test_wrong_codes_are_throttled_after_correct_passwords(world: World, app: App) -> None:
    for _ in range(5):
        assert (await refused(world, await world.half_signed_in(), WRONG)).reason == "WRONG_PROOF"
    with pytest.raises(TemporarilyUnavailable) as wait:
        await world.half_signed_in()
    assert wait.value.reason == "SIGN_IN_THROTTLED"
    assert {event["reason"] for event in await world.events("login.failed")} == {"wrong_second_factor"}


@pytest.mark.s(47)
async def test_wrong_codes_from_many_networks_are_throttled_together(world: World, app: App) -> None:
    for network in range(5):
        origin = ORIGIN.of(remote_address=f"198.51.{network}.1", client_id="", correlation_id="")
        following = await world.half_signed_in()
        with pytest.raises(AccessDenied):
            await world.continue_sign_in(following, Proof(FactorKind.TOTP, WRONG), session_secret="", origin=origin)
    attempt_secret = await world.half_signed_in()
    error = await refused(world, attempt_secret, app.code())
    assert (error.reason, error.retry_after) == ("SIGN_IN_THROTTLED", 1)
    world.clock.move(timedelta(minutes=1))
    assert await world.prove(attempt_secret, app.code())
    assert await world.prove(await world.half_signed_in(), app.code(steps=1))  # forgiven


@pytest.mark.s(60)
async def test_a_secret_at_rest_is_sealed_and_opens_for_its_owner_alone(world: World, app: App) -> None:
    stored = await world.raw("SELECT * FROM factors")
    assert app.secret not in b"".join(value for row in stored for value in row if isinstance(value, bytes))


async def test_an_attempt_says_what_can_be_shown(world: World, app: App) -> None:
    assert app.session is not None
    attempt_secret = await world.half_signed_in()
    found = await world.find_attempt(attempt_secret, session_secret="")
    assert (found.username, found.is_step_up, found.kinds) == ("alice", False, (FactorKind.TOTP,))
    await world.create_recovery_codes(app.session.session_secret)
    found = await world.find_attempt(attempt_secret, session_secret="")
    assert found.kinds == (FactorKind.TOTP, FactorKind.RECOVERY_CODE)


async def test_attempts_are_swept_when_they_are_over(world: World, app: App) -> None:
    await world.half_signed_in()
    world.clock.move(LIFETIME + timedelta(seconds=1))
    await world.sweep()
    assert not await world.raw("SELECT * FROM sign_in_attempts")


async def test_the_key_that_factors_are_sealed_under_can_be_replaced(world: World, app: App) -> None:
    assert app.session is not None
    codes = await world.create_recovery_codes(app.session.session_secret)
    both = World(world.database, clock=world.clock, factor_keys=(b"n" * 32, *world.factor_keys))
    after = World(world.database, clock=world.clock, factor_keys=(b"n" * 32,))
    await both.prove(await both.half_signed_in(), app.code())
    await both.prove(await both.half_signed_in(), codes[0], kind="recovery_code")
    world.clock.move(STEP)
    assert await after.prove(await after.half_signed_in(), app.code())  # its use has sealed it under the new key
    assert (await refused(after, await after.half_signed_in(), codes[1], kind="recovery_code")).reason == "WRONG_PROOF"

"""An email address is verified when the user who requested it opens the link that was sent to it."""

import asyncio
from datetime import timedelta

import pytest

from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.domain.email.links import LIFETIME
from services.authentication.domain.email.request_limits import PER_RECEIVER
from services.authentication.usecases.sessions.start_session import SignedIn
from tests.storage.authentication.test_password_resets import forgotten
from tests.storage.authentication.world import ISSUER, ORIGIN, World

OLD, NEW = "alice@example.com", "alice@new.example"


@pytest.fixture
async def alice(world: World) -> SignedIn:
    await world.user("alice", name="Alice Example", email=OLD)
    return await world.signed_in()


async def requested(world: World, require_session: SignedIn, address: str = "") -> str:
    """The token in the one new email."""
    before = len(world.mailer.mails)
    await world.request_address(require_session.session_secret, address, locale="en", origin=ORIGIN)
    (mail,) = (await world.mails())[before:]
    (line,) = [line for line in mail.text.splitlines() if "?token=" in line]
    assert line.startswith(f"{ISSUER}/account/address/confirm?token=")
    return line.partition("?token=")[2]


async def email_of(world: World) -> tuple[object, object]:
    claims = (await world.users())[0].claims
    return claims.get("email"), claims.get("email_verified")


async def refused(world: World, require_session: SignedIn, token: str) -> bool:
    for attempt in (
        world.find_address_request(require_session.session_secret, token),
        world.confirm_address(require_session.session_secret, token),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert refusal.value.reason == "LINK_UNKNOWN"
    return True


@pytest.mark.s(52)
async def test_the_present_address_is_verified_by_the_link_and_by_nothing_else(world: World, alice: SignedIn) -> None:
    assert await email_of(world) == (OLD, False)
    token = await requested(world, alice)
    assert world.mailer.mails[-1].address == OLD
    assert await world.find_address_request(alice.session_secret, token) == OLD
    assert await email_of(world) == (OLD, False)
    await world.confirm_address(alice.session_secret, token)
    assert await email_of(world) == (OLD, True)
    assert len(await world.events("account.email_verified")) == 1
    assert len(await world.mails()) == 1  # there is no former address to tell


@pytest.mark.s(51, 52)
async def test_new_email_address_is_used_after_verification_and_the_old_one_is_notified(
    world: World, alice: SignedIn
) -> None:
    token = await requested(world, alice, NEW)
    assert world.mailer.mails[-1].address == NEW
    assert await email_of(world) == (OLD, False)
    world.clock.move(timedelta(seconds=5))
    await world.confirm_address(alice.session_secret, token)
    assert await email_of(world) == (NEW, True)
    emitted = (await world.mails())[-1]
    assert (emitted.address, emitted.subject) == (OLD, "Your email address was changed · Example")
    assert (await world.users())[0].profile_updated_at == world.clock.now()
    assert await forgotten(world, NEW)
    await world.request_reset(OLD, locale="", origin=ORIGIN)
    assert world.mailer.mails[-1].address == NEW


@pytest.mark.s(51)
async def test_the_link_works_once_however_many_use_it(world: World, alice: SignedIn) -> None:
    token = await requested(world, alice, NEW)
    results = await asyncio.gather(
        *(world.confirm_address(alice.session_secret, token) for _ in range(6)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert len(await world.events("account.email_verified")) == 1
    assert await refused(world, alice, token)


@pytest.mark.s(51)
async def test_the_link_ends_after_half_an_hour(world: World, alice: SignedIn) -> None:
    token = await requested(world, alice)
    world.clock.move(LIFETIME)
    assert await refused(world, alice, token)


@pytest.mark.s(52)
async def test_address_link_is_refused_for_another_user(world: World, alice: SignedIn) -> None:
    """Eve requests a link to Alice's address. Alice opens it, signed in as Alice or not signed in."""
    await world.user("eve", email="eve@example.com")
    eve = await world.signed_in("eve")
    token = await requested(world, eve, OLD)
    assert await refused(world, alice, token)
    with pytest.raises(AccessDenied) as refusal:
        await world.confirm_address("", token)
    assert refusal.value.reason == "SESSION_MISSING"
    assert "eve" not in world.mailer.mails[-1].text


@pytest.mark.s(51)
async def test_an_address_that_changed_meanwhile_is_not_changed_back(world: World, alice: SignedIn) -> None:
    first, second = await requested(world, alice, NEW), await requested(world, alice, "alice@third.example")
    await world.confirm_address(alice.session_secret, second)
    assert await refused(world, alice, first)
    assert (await email_of(world))[0] == "alice@third.example"


@pytest.mark.s(51)
async def test_a_link_for_one_thing_opens_no_other(world: World, alice: SignedIn) -> None:
    token = await requested(world, alice)
    with pytest.raises(InvalidRequest):
        await world.reset_password(token, "a brand-new password")
    reset = await forgotten(world)
    assert await refused(world, alice, reset)


async def test_asking_needs_a_recent_sign_in(world: World, alice: SignedIn) -> None:
    world.clock.move(timedelta(minutes=11))
    with pytest.raises(AccessDenied) as refusal:
        await world.request_address(alice.session_secret, NEW, locale="", origin=ORIGIN)
    assert refusal.value.reason == "REAUTHENTICATION_REQUIRED"


@pytest.mark.parametrize(
    "address", ["unknown", "a@b", "a@b.example\r\nBcc: eve@example.com", "a@b.example,c@d.example"]
)
async def test_what_is_no_address_is_refused(world: World, alice: SignedIn, address: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.request_address(alice.session_secret, address, locale="", origin=ORIGIN)
    assert refusal.value.reason == "ADDRESS_MALFORMED"
    assert not await world.emails()


async def test_address_link_emails_are_limited(world: World, alice: SignedIn) -> None:
    for _ in range(PER_RECEIVER + 2):
        await world.request_address(alice.session_secret, NEW, locale="", origin=ORIGIN)
    assert len(await world.mails()) == PER_RECEIVER


@pytest.mark.s(52)
async def test_a_reset_shows_that_the_address_is_theirs_as_well(world: World, alice: SignedIn) -> None:
    await world.reset_password(await forgotten(world), "a brand-new password")
    assert await email_of(world) == (OLD, True)
    assert len(await world.events("account.email_verified")) == 1

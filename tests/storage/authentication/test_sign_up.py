"""Accounts that users make for themselves, and those that operators make for them: an email is answered first."""

import asyncio
from datetime import timedelta

import pytest

from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.domain.email.links import INVITATION_LIFETIME, LIFETIME
from services.authentication.domain.email.request_limits import PER_RECEIVER
from services.authentication.usecases.accounts.invite_user import Invitation
from tests.storage.authentication.world import ISSUER, ORIGIN, World
from tests.support.databases import statements

ADDRESS = "new@example.com"
PASSWORD = "correct horse battery staple"


async def asked(world: World, address: str = ADDRESS) -> None:
    await world.request_sign_up(address, locale="en", origin=ORIGIN)


async def token(world: World, *, path: str = "/sign-up/complete") -> str:
    """In the newest email."""
    mail = (await world.mails())[-1]
    (line,) = [line for line in mail.text.splitlines() if "?token=" in line]
    assert line.startswith(f"{ISSUER}{path}?token=")
    return line.partition("?token=")[2]


async def refused(world: World, link: str) -> bool:
    with pytest.raises(InvalidRequest) as refusal:
        await world.complete_sign_up(link, PASSWORD, name="")
    assert refusal.value.reason == "LINK_UNKNOWN"
    return True


@pytest.mark.s(51, 52)
async def test_sign_up_creates_no_account_before_the_link_is_opened(world: World) -> None:
    await asked(world)
    link = await token(world)
    assert not await world.users()
    assert await world.find_sign_up(link) == ADDRESS
    assert not await world.users()
    account = await world.complete_sign_up(link, PASSWORD, name=" New User ")
    assert account.claims()["email_verified"] is True
    assert (account.username, account.display_name) == (ADDRESS, "New User")
    assert await world.signed_in(ADDRESS, password=PASSWORD)
    (created,) = await world.events("account.created")
    assert (created["actortype"], created["actorid"]) == ("user", account.id)
    await world.check_books()


@pytest.mark.s(46)
async def test_sign_up_with_a_taken_address_gets_the_same_response_and_another_email(world: World) -> None:
    await world.user("alice", email="Alice@example.com")
    with statements(world.database) as for_a_taken_one:
        await asked(world, "alice@EXAMPLE.com")
    with statements(world.database) as for_a_new_one:
        await asked(world)
    assert for_a_taken_one == for_a_new_one
    taken, new = sorted(await world.mails(), key=lambda mail: "?token=" in mail.text)  # both are due at the same time
    assert (taken.address, "?token=" in taken.text) == ("Alice@example.com", False)
    assert (new.address, "?token=" in new.text) == (ADDRESS, True)


async def test_sign_up_emails_to_one_mailbox_are_limited(world: World) -> None:
    for n in range(PER_RECEIVER + 3):
        await asked(world, f"victim+{n}@example.com")
    assert len(await world.mails()) == PER_RECEIVER


@pytest.mark.s(51)
async def test_a_link_makes_one_account_however_many_use_it(world: World) -> None:
    await asked(world)
    link = await token(world)
    results = await asyncio.gather(
        *(world.complete_sign_up(link, PASSWORD, name="") for _ in range(6)), return_exceptions=True
    )
    assert [isinstance(each, InvalidRequest) for each in results].count(False) == 1
    assert len(await world.users()) == 1
    assert await refused(world, link)
    await world.check_books()


@pytest.mark.s(51)
async def test_the_link_ends_after_half_an_hour(world: World) -> None:
    await asked(world)
    link = await token(world)
    world.clock.move(LIFETIME)
    assert await refused(world, link)


async def test_who_was_quicker_has_the_address(world: World) -> None:
    await asked(world)
    link = await token(world)
    await world.user("carol", email=ADDRESS)
    assert await refused(world, link)


@pytest.mark.s(50)
async def test_invalid_password_does_not_use_up_the_link(world: World) -> None:
    await asked(world)
    link = await token(world)
    for weak in ("short", "password1", ADDRESS):
        with pytest.raises(InvalidRequest):
            await world.complete_sign_up(link, weak, name="")
    await world.complete_sign_up(link, PASSWORD, name="")


@pytest.mark.s(52)
async def test_who_signs_up_says_nothing_of_themselves_but_a_name(world: World) -> None:
    await asked(world)
    await world.complete_sign_up(await token(world), PASSWORD, name='{"sub":"root","email_verified":true}')
    (row,) = await world.users()
    assert row.claims.keys() == {"name", "email", "email_verified"}


async def test_invited_user_chooses_a_password_and_cannot_sign_in_before(world: World) -> None:
    claims = {"email": "erin@example.com", "name": "Erin Example"}
    await world.invite_user(Invitation("erin", claims, "de"), operator="cli")
    for guess in ("", "a guess"):
        with pytest.raises(AccessDenied):
            await world.signed_in("erin", password=guess)
    link = await token(world, path="/password/reset")
    assert (world.mailer.mails[-1].address, world.mailer.mails[-1].locale) == ("erin@example.com", "de")
    assert not await world.events("password.reset_requested")
    world.clock.move(INVITATION_LIFETIME - timedelta(seconds=1))
    await world.reset_password(link, PASSWORD)
    assert await world.signed_in("erin", password=PASSWORD)
    assert (await world.users())[0].claims["email_verified"] is True


async def test_whose_invitation_is_over_asks_for_another_link(world: World) -> None:
    await world.invite_user(Invitation("erin", {"email": "erin@example.com"}), operator="cli")
    link = await token(world, path="/password/reset")
    world.clock.move(INVITATION_LIFETIME)
    with pytest.raises(InvalidRequest):
        await world.reset_password(link, PASSWORD)
    await world.request_reset("erin", locale="", origin=ORIGIN)
    await world.reset_password(await token(world, path="/password/reset"), PASSWORD)


@pytest.mark.parametrize(
    ("invitation", "reason"),
    [
        (Invitation("erin"), "ADDRESS_MALFORMED"),
        (Invitation("erin", {"email": "erin@localhost"}), "ADDRESS_MALFORMED"),
        (Invitation("alice", {"email": "erin@example.com"}), "USERNAME_TAKEN"),
    ],
)
async def test_an_invitation_that_cannot_arrive_is_refused(world: World, invitation: Invitation, reason: str) -> None:
    await world.user("alice")
    with pytest.raises(InvalidRequest) as refusal:
        await world.invite_user(invitation, operator="cli")
    assert refusal.value.reason == reason
    assert len(await world.users()) == 1

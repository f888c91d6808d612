"""Who has forgotten their password gets an email, and with its link another password."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from services.authentication.domain.email.links import LIFETIME
from services.authentication.domain.email.request_limits import PER_NETWORK, PER_RECEIVER, WINDOW
from services.authentication.domain.sessions.origin import Origin
from services.authentication.ports.email import Mail
from services.authentication.store.tables import EMAILS, LINKS
from tests.storage.authentication.world import ISSUER, ORIGIN, PASSWORD, World
from tests.support.databases import statements

ADDRESS = "alice@example.com"
NEW = "a brand-new password"


def token_of(mail: Mail) -> str:
    (line,) = [line for line in mail.text.splitlines() if "?token=" in line]
    assert line.startswith(f"{ISSUER}/password/reset?token=")
    return line.partition("?token=")[2]


async def forgotten(world: World, identifier: str = "alice") -> str:
    """The token in the one new email."""
    before = len(world.mailer.mails)
    await world.request_reset(identifier, locale="en", origin=ORIGIN)
    (mail,) = (await world.mails())[before:]
    return token_of(mail)


@pytest.fixture
async def alice(world: World) -> str:
    return (await world.user("alice", name="Alice Example", email=ADDRESS)).id


async def refused(world: World, token: str) -> bool:
    for attempt in (world.find_reset(token), world.reset_password(token, NEW)):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert refusal.value.reason == "LINK_UNKNOWN"
    return True


@pytest.mark.s(51)
async def test_the_link_gives_another_password_and_ends_every_session(world: World, alice: str) -> None:
    sessions = [await world.signed_in() for _ in range(2)]
    token = await forgotten(world)
    assert (await world.find_reset(token)).username == "alice"
    await world.reset_password(token, NEW)
    assert not any([await world.live(session) for session in sessions])
    assert await world.signed_in(password=NEW)
    names = [event["type"].split(".", 1)[1] for event in await world.events()]
    assert {"password.reset_requested.v1", "password.changed.v1", "password.reset_completed.v1"} <= set(names)
    assert (await world.mails())[-1].subject == "Your password was changed · Example"
    await world.check_books()


@pytest.mark.s(51)
async def test_the_link_works_once(world: World, alice: str) -> None:
    token = await forgotten(world)
    await world.reset_password(token, NEW)
    assert await refused(world, token)
    assert len(await world.events("password.changed")) == 1


@pytest.mark.s(51)
async def test_of_many_who_use_a_link_at_once_one_gets_through(world: World, alice: str) -> None:
    token = await forgotten(world)
    results = await asyncio.gather(
        *(world.reset_password(token, f"{NEW} {n}") for n in range(8)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert all(result is None or isinstance(result, InvalidRequest) for result in results)
    assert len(await world.events("password.changed")) == 1
    await world.check_books()


@pytest.mark.s(51)
async def test_looking_at_the_link_does_not_use_it_up(world: World, alice: str) -> None:
    token = await forgotten(world)
    for _ in range(5):
        await world.find_reset(token)
    await world.reset_password(token, NEW)


@pytest.mark.s(51)
async def test_the_link_ends_after_half_an_hour(world: World, alice: str) -> None:
    assert timedelta(minutes=30) == LIFETIME
    token = await forgotten(world)
    world.clock.move(LIFETIME - timedelta(seconds=1))
    await world.find_reset(token)
    world.clock.move(timedelta(seconds=1))
    assert await refused(world, token)


@pytest.mark.s(51)
async def test_a_change_of_the_password_ends_every_link(world: World, alice: str) -> None:
    first, second = await forgotten(world), await forgotten(world)
    await world.set_password("alice", "from the operator", operator="cli")
    assert await refused(world, first)
    assert await refused(world, second)


@pytest.mark.s(51)
async def test_an_account_with_another_address_by_now_has_no_link(world: World, alice: str) -> None:
    token = await forgotten(world)
    await world.change_claims(alice, {"email": "alice@elsewhere.example"})
    assert await refused(world, token)


@pytest.mark.s(51)
async def test_password_reset_is_refused_when_account_is_disabled(world: World, alice: str) -> None:
    token = await forgotten(world)
    await world.disable_user("alice", operator="cli")
    assert await refused(world, token)
    await world.request_reset("alice", locale="", origin=ORIGIN)
    assert len(await world.mails()) == 1


@pytest.mark.s(51)
async def test_the_database_knows_no_link_that_works(world: World, alice: str) -> None:
    token = await forgotten(world)
    async with world.database.snapshot() as session:
        (link,) = (await session.execute(select(LINKS))).all()
        (email,) = (await session.execute(select(EMAILS))).all()
    assert link.secret_hash == secret_hash(token)
    assert token not in repr(link) + repr(email) + await world.outbox_text()
    assert len(token) == 43


@pytest.mark.s(50)
async def test_invalid_password_does_not_use_up_the_link(world: World, alice: str) -> None:
    token = await forgotten(world)
    with pytest.raises(InvalidRequest) as refusal:
        await world.reset_password(token, "short")
    assert refusal.value.reason == "PASSWORD_TOO_SHORT"
    await world.reset_password(token, NEW)


async def test_unknown_link_is_refused_without_hashing(world: World) -> None:
    hashes = world.passwords.operations
    assert await refused(world, "x" * 43)
    assert await refused(world, "")
    assert world.passwords.operations == hashes


async def test_an_address_is_as_good_as_a_name_however_it_is_written(world: World, alice: str) -> None:
    assert await forgotten(world, "  ALICE@Example.com ")
    assert world.mailer.mails[-1].address == ADDRESS


@pytest.mark.s(46)
async def test_reset_email_goes_to_the_stored_address_and_not_to_the_typed_one(world: World, alice: str) -> None:
    """Addresses with the same folded key may belong to two users: a long s is an s when folded."""
    await world.user("bob", email="boss@example.com")
    await forgotten(world, "bo\N{LATIN SMALL LETTER LONG S}s@example.com")
    assert world.mailer.mails[-1].address == "boss@example.com"


async def test_every_account_of_an_address_gets_a_reset_email(world: World, alice: str) -> None:
    await world.user("alice-too", email=ADDRESS.upper())
    await world.request_reset(ADDRESS, locale="", origin=ORIGIN)
    mails = await world.mails()
    assert ["account alice." in mail.text for mail in mails].count(True) == 1
    assert ["account alice-too." in mail.text for mail in mails].count(True) == 1
    for mail in mails:
        await world.reset_password(token_of(mail), NEW)


@pytest.mark.s(46)
@pytest.mark.parametrize("identifier", ["unknown", "unknown@example.com", "x" * 500, "a b", "\0", ""])
async def test_password_reset_request_does_the_same_work_when_account_is_unknown(
    world: World, alice: str, identifier: str
) -> None:
    with statements(world.database) as for_known_user:
        await world.request_reset("alice", locale="en", origin=ORIGIN)
    with statements(world.database) as for_unknown_user:
        await world.request_reset(identifier, locale="en", origin=ORIGIN)
    assert [str(each) for each in for_unknown_user] == [str(each) for each in for_known_user]
    assert not await world.events("password.reset_requested")
    assert len(await world.mails()) == 1
    assert {row.outcome for row in await world.emails()} == {"sent", "nobody"}
    assert len(await world.events("password.reset_requested")) == 1


@pytest.mark.s(46)
async def test_who_has_no_address_is_answered_like_everybody(world: World) -> None:
    await world.user("carol")
    await world.request_reset("carol", locale="", origin=ORIGIN)
    assert not await world.mails()


async def test_password_reset_emails_to_one_address_are_limited(world: World, alice: str) -> None:
    for n in range(PER_RECEIVER + 3):
        await world.request_reset("alice", locale="", origin=Origin(ip_prefix=f"198.51.{n}.0/24"))
    assert len(await world.mails()) == PER_RECEIVER
    latest = token_of(world.mailer.mails[-1])
    assert await world.find_reset(latest)  # a user who gets no further email has a valid link
    world.clock.move(WINDOW)
    assert await forgotten(world)


@pytest.mark.s(46)
async def test_the_limit_of_a_mailbox_says_nothing_about_it(world: World, alice: str) -> None:
    for identifier in ("alice", "unknown"):
        for _ in range(PER_RECEIVER + 1):
            await world.request_reset(identifier, locale="", origin=ORIGIN)


async def test_reset_requests_of_one_network_are_throttled_for_known_and_unknown_users(
    world: World, alice: str
) -> None:
    public = Origin(ip_prefix="198.51.7.0/24")
    for n in range(PER_NETWORK):
        await world.request_reset(f"unknown-{n}", locale="", origin=public)
    for identifier in ("alice", "unknown-1000"):
        with pytest.raises(TemporarilyUnavailable) as wait:
            await world.request_reset(identifier, locale="", origin=public)
        assert wait.value.reason == "LETTERS_THROTTLED"
    assert await forgotten(world)  # from elsewhere


async def test_email_that_was_sent_twice_has_one_valid_link(world: World, alice: str) -> None:
    await world.request_reset("alice", locale="", origin=ORIGIN)
    first = (await world.send_email.claim(limit=1))[0]
    addressed = await world.send_email._address(first)
    assert addressed is not None  # and then the replica dies, with the email handed in or not
    world.clock.move(timedelta(minutes=3))
    (mail,) = await world.mails()
    assert await refused(world, addressed.link.partition("?token=")[2])
    await world.reset_password(token_of(mail), NEW)
    assert PASSWORD != NEW
    assert len(await world.events("password.reset_requested")) == 1

"""A verified email address belongs to one account, in every way in which an address becomes verified."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import bcrypt
import pytest

from libs.oauth.errors import InvalidRequest
from services.authentication.usecases.accounts.import_user import ImportedUser
from services.authentication.usecases.accounts.invite_user import Invitation
from tests.storage.authentication.world import ORIGIN, PASSWORD, World

BOX = "box@example.org"
HASH = bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()
NEW_PASSWORD = "another-long-passphrase"


@pytest.fixture
async def owner(world: World) -> str:
    """The account that has the address."""
    return (await world.user("owner", email=BOX, email_verified=True)).id


async def link(world: World, address: str) -> str:
    """The token of the last link that was mailed to the address."""
    mails = [mail for mail in await world.mails() if mail.address == address]
    found = re.search(r"token=([\w-]+)", mails[-1].text)
    assert found
    return found[1]


async def verified(world: World) -> list[str]:
    """Who has the address, verified."""
    return sorted(
        row.username
        for row in await world.users()
        if row.claims.get("email_verified") and row.claims["email"].lower() == BOX
    )


CLAIMS = {"email": "BOX@Example.org", "email_verified": True}


@pytest.mark.parametrize("way", ["create", "import", "invite", "update", "verify"])
async def test_operator_cannot_give_a_verified_address_to_a_second_account(world: World, owner: str, way: str) -> None:
    await world.user("second", email=BOX)
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "create": lambda: world.user("third", **CLAIMS),
        "import": lambda: world.import_user(ImportedUser("third", HASH, CLAIMS), operator="cli"),
        "invite": lambda: world.invite_user(Invitation("third", CLAIMS), operator="cli"),
        "update": lambda: world.update_user("second", CLAIMS, operator="cli"),
        "verify": lambda: world.update_user("second", {"email_verified": True}, operator="cli"),
    }
    with pytest.raises(InvalidRequest) as refusal:
        await ways[way]()
    assert refusal.value.reason == "ADDRESS_TAKEN"
    assert refusal.value.description == "email is the verified address of another account."
    assert await verified(world) == ["owner"]
    assert sorted(row.username for row in await world.users()) == ["owner", "second"]
    await world.check_books()


async def test_user_cannot_confirm_the_verified_address_of_another_account(world: World) -> None:
    await world.user("second")
    session = await world.signed_in("second")
    await world.request_address(session.session_secret, BOX, locale="en", origin=ORIGIN)
    token = await link(world, BOX)
    owner = await world.user("owner", email=BOX, email_verified=True)
    with pytest.raises(InvalidRequest) as refusal:
        await world.confirm_address(session.session_secret, token)
    assert refusal.value.reason == "ADDRESS_TAKEN"
    assert await verified(world) == ["owner"]

    await world.update_user(owner.id, {"email": None}, operator="cli")
    await world.confirm_address(session.session_secret, token)
    assert await verified(world) == ["second"]


async def test_sign_up_link_is_refused_when_a_disabled_account_has_the_address(world: World) -> None:
    await world.request_sign_up(BOX, locale="en", origin=ORIGIN)
    token = await link(world, BOX)
    await world.user("owner", email=BOX, email_verified=True)
    await world.disable_user("owner", operator="cli")
    with pytest.raises(InvalidRequest) as refusal:
        await world.complete_sign_up(token, NEW_PASSWORD, name="")
    assert refusal.value.reason == "LINK_UNKNOWN"
    assert await verified(world) == ["owner"]


async def test_password_reset_of_a_shared_address_sets_the_password_and_verifies_nothing(
    world: World, owner: str
) -> None:
    await world.user("second", email=BOX)
    await world.use_cases.send_password_reset("second", locale="")
    await world.reset_password(await link(world, BOX), NEW_PASSWORD)
    await world.signed_in("second", password=NEW_PASSWORD)
    assert await verified(world) == ["owner"]


async def test_of_two_accounts_that_verify_an_address_at_once_one_gets_it(world: World) -> None:
    names = ["first", "second", "third"]
    for name in names:
        await world.user(name, email=BOX)
    answers = await asyncio.gather(
        *(world.update_user(name, {"email_verified": True}, operator="cli") for name in names), return_exceptions=True
    )
    assert sum(isinstance(answer, InvalidRequest) for answer in answers) == 2
    assert len(await verified(world)) == 1


@pytest.mark.parametrize("way", ["delete", "change", "unverify"])
async def test_an_address_is_free_again_when_its_account_gives_it_up(world: World, owner: str, way: str) -> None:
    match way:
        case "delete":
            await world.use_cases.delete_user("owner", operator="cli")
        case "change":
            await world.update_user("owner", {"email": "other@example.org"}, operator="cli")
        case _:
            await world.update_user("owner", {"email_verified": False}, operator="cli")
    await world.user("second", email=BOX, email_verified=True)
    assert await verified(world) == ["second"]


async def test_other_claims_of_an_account_with_a_verified_address_can_change(world: World, owner: str) -> None:
    await world.update_user("owner", {"name": "Olga Owner"}, operator="cli")
    with pytest.raises(InvalidRequest):
        await world.user("second", email=BOX, email_verified=True)


async def test_the_address_that_got_the_email_is_stored_and_released(world: World) -> None:
    """Straße and strasse are two domains; the email goes to the one that UTS 46 says."""
    await world.request_sign_up("anna@straße.de", locale="en", origin=ORIGIN)
    account = await world.complete_sign_up(await link(world, "anna@xn--strae-oqa.de"), NEW_PASSWORD, name="")
    assert (account.profile.email, account.profile.email_verified) == ("anna@xn--strae-oqa.de", True)
    await world.signed_in("anna@straße.de", password=NEW_PASSWORD)
    assert (await world.find_user("anna@straße.de")).id == account.id
    with pytest.raises(InvalidRequest):
        await world.find_user("anna@strasse.de")
    other = await world.user("anna@strasse.de", email="anna@strasse.de", email_verified=True)
    assert (await world.find_user("anna@strasse.de")).id == other.id
    await world.signed_in("anna@strasse.de", password=PASSWORD)


async def test_operator_writes_an_address_in_the_form_that_emails_are_sent_to(world: World) -> None:
    account = await world.user("anna", email="anna@bücher.example")
    assert account.profile.email == "anna@xn--bcher-kva.example"


@pytest.mark.usefixtures("owner")
async def test_username_is_named_when_username_and_address_are_taken(world: World) -> None:
    """Scripts that create the same user again rely on the reason."""
    with pytest.raises(InvalidRequest) as refusal:
        await world.user("owner", email=BOX, email_verified=True)
    assert refusal.value.reason == "USERNAME_TAKEN"

"""Imported users sign in with the password of their former system."""

import bcrypt
import pytest

from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.usecases.accounts.import_user import ImportedUser
from tests.storage.authentication.world import World

OLD = "the old password"
HASH = bcrypt.hashpw(OLD.encode(), bcrypt.gensalt(4)).decode()


@pytest.mark.s(50)
async def test_the_first_sign_in_replaces_the_hash_and_tells_no_change(world: World) -> None:
    await world.import_user(ImportedUser("Dora", HASH, {"email": "dora@example.com"}), operator="cli")
    with pytest.raises(AccessDenied):
        await world.signed_in("dora", password="another")
    assert (await world.users())[0].password_hash == HASH
    await world.signed_in("dora", password=OLD)
    assert (await world.users())[0].password_hash.startswith("$argon2id$")
    await world.signed_in("dora", password=OLD)
    assert not await world.events("password.changed")
    await world.check_books()


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (ImportedUser("dora", "5f4dcc3b5aa765d61d8327deb882cf99"), "HASH_UNKNOWN"),
        (ImportedUser("alice", HASH), "USERNAME_TAKEN"),
        (ImportedUser("a b", HASH), "USERNAME_MALFORMED"),
        (ImportedUser("dora", HASH, {"shoe_size": 44}), "CLAIM_UNKNOWN"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_is_wrong_is_named_dry_or_not(
    world: World, user: ImportedUser, reason: str, *, dry_run: bool
) -> None:
    await world.user("alice")
    with pytest.raises(InvalidRequest) as refusal:
        await world.import_user(
            ImportedUser(user.username, user.password_hash, user.claims, dry_run=dry_run), operator="cli"
        )
    assert refusal.value.reason == reason
    assert HASH not in str(refusal.value)


async def test_a_dry_run_changes_nothing(world: World) -> None:
    await world.import_user(ImportedUser("dora", HASH, dry_run=True), operator="cli")
    assert not await world.users()
    assert not await world.events()

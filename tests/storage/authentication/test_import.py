"""Imported users sign in with the password of their former system."""

import base64
import hashlib

import bcrypt
import pytest
from argon2 import PasswordHasher

from libs.crypto.passwords import needs_rehash
from libs.oauth.errors import AccessDenied, InvalidRequest
from services.authentication.usecases.accounts.import_user import ImportedUser, ImportOutcome
from tests.storage.authentication.world import World

OLD = "the old password"
PLAIN = b"Old-passw0rd"
_SHA1 = base64.b64encode(hashlib.sha1(PLAIN + b"salt", usedforsecurity=False).digest() + b"salt").decode()
IMPORTABLE = [
    PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=16).hash(PLAIN),
    PasswordHasher(time_cost=3, memory_cost=7_168, parallelism=2).hash(PLAIN),
    "{bcrypt}" + bcrypt.hashpw(PLAIN, bcrypt.gensalt(4)).decode(),
    "scrypt:1024:8:1$pepper$" + hashlib.scrypt(PLAIN, salt=b"pepper", n=1024, r=8, p=1).hex(),
    "{SSHA}" + _SHA1,
    "$6$rounds=1000$saltstring$Qi7JUD2MFOfxN91o7s0v/FrvR3SIHFsMt54GJ0l3BG2m5ViSTwQcs/y1dv5q/YihxB6/1fjt5elOiIU7xw/u70",
    "pbkdf2_sha1$1000$pepper$" + base64.b64encode(hashlib.pbkdf2_hmac("sha1", PLAIN, b"pepper", 1000)).decode(),
]
"""Of the password `Old-passw0rd`."""
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
        (ImportedUser("dora", HASH, {"shoe_colour": "red"}), "CLAIM_UNKNOWN"),
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


async def test_imported_user_keeps_the_sub_of_the_former_system(world: World) -> None:
    await world.import_user(ImportedUser("dora", HASH, user_id="auth0|5f7c8ec7c33c6c"), operator="cli")
    signed_in = await world.signed_in("dora", password=OLD)
    assert signed_in.session.user_id == "auth0|5f7c8ec7c33c6c"
    account = await world.get_account("auth0|5f7c8ec7c33c6c", session_id=signed_in.session.id, claims=())
    assert account is not None
    assert account.session_live
    assert (await world.find_user("auth0|5f7c8ec7c33c6c")).username == "dora"
    await world.start_passkey(signed_in.session_secret)


@pytest.mark.parametrize("user_id", ["with space", "x" * 37, "ümlaut", "tab\t"])
async def test_malformed_sub_is_refused(world: World, user_id: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.import_user(ImportedUser("dora", HASH, user_id=user_id), operator="cli")
    assert refusal.value.reason == "USER_ID_MALFORMED"


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("update", [True, False])
async def test_sub_of_another_or_of_a_deleted_user_is_refused(world: World, *, dry_run: bool, update: bool) -> None:
    await world.import_user(ImportedUser("dora", HASH, user_id="one"), operator="cli")
    await world.import_user(ImportedUser("erin", HASH, user_id="two"), operator="cli")
    await world.use_cases.delete_user("erin", operator="cli")
    for user_id, username, reason in (("one", "gina", "USER_ID_TAKEN"), ("two", "gina", "USER_ID_TAKEN")):
        with pytest.raises(InvalidRequest) as refusal:
            await world.import_user(
                ImportedUser(username, HASH, user_id=user_id, dry_run=dry_run, update=update), operator="cli"
            )
        assert refusal.value.reason == reason
    with pytest.raises(InvalidRequest) as refusal:
        await world.import_user(
            ImportedUser("dora", HASH, user_id="three", dry_run=dry_run, update=update), operator="cli"
        )
    assert refusal.value.reason == "USERNAME_TAKEN"


async def test_import_with_update_is_idempotent_and_keeps_the_password(world: World) -> None:
    user = ImportedUser(
        "dora", HASH, {"name": "Dora", "department": "Sales", "email": "d@example.org"}, user_id="old-sub", update=True
    )
    assert (await world.import_user(user, operator="cli")).outcome is ImportOutcome.CREATED
    await world.signed_in("dora", password=OLD)
    await world.set_password("dora", "another-password", operator="cli")
    assert (await world.import_user(user, operator="cli")).outcome is ImportOutcome.UNCHANGED
    assert not await world.events("account.updated")

    changed = ImportedUser("dora", HASH, {"name": "Dora D."}, update=True)
    assert (await world.import_user(changed, operator="cli")).outcome is ImportOutcome.UPDATED
    account = await world.find_user("old-sub")
    assert account.stored_claims() == {
        "name": "Dora D.",
        "department": "Sales",
        "email": "d@example.org",
        "email_verified": False,
    }
    await world.signed_in("dora", password="another-password")
    await world.check_books()


async def test_dry_run_with_update_says_what_would_happen_and_writes_nothing(world: World) -> None:
    await world.import_user(ImportedUser("dora", HASH, {"name": "Dora"}), operator="cli")
    for claims, outcome in (({"name": "Dora"}, ImportOutcome.UNCHANGED), ({"name": "D."}, ImportOutcome.UPDATED)):
        user = ImportedUser("dora", HASH, claims, update=True, dry_run=True)
        assert (await world.import_user(user, operator="cli")).outcome is outcome
    assert (await world.find_user("dora")).profile.name == "Dora"


async def test_attributes_are_stored_at_creation_and_import(world: World) -> None:
    await world.import_user(ImportedUser("dora", HASH, {"department": "Sales"}), operator="cli")
    await world.user("erin", department="Support")
    assert (await world.find_user("dora")).attributes == {"department": "Sales"}
    assert (await world.find_user("erin")).attributes == {"department": "Support"}


async def test_address_that_the_former_system_verified_is_verified_with_an_event(world: World) -> None:
    claims = {"email": "d@example.org", "email_verified": True}
    await world.import_user(ImportedUser("dora", HASH, claims), operator="cli")
    await world.user("erin", email="e@example.org", email_verified=True)
    assert [event["actortype"] for event in await world.events("account.email_verified")] == ["admin", "admin"]


@pytest.mark.parametrize("known", IMPORTABLE, ids=range(len(IMPORTABLE)))
async def test_hash_of_another_system_is_upgraded_at_the_first_sign_in(world: World, known: str) -> None:
    await world.import_user(ImportedUser("dora", known), operator="cli")
    with pytest.raises(AccessDenied):
        await world.signed_in("dora", password="another")
    assert (await world.users())[0].password_hash == known
    await world.signed_in("dora", password="Old-passw0rd")
    upgraded = (await world.users())[0].password_hash
    assert upgraded != known
    assert not needs_rehash(upgraded)
    await world.signed_in("dora", password="Old-passw0rd")

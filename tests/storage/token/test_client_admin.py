"""Client administration: a secret is returned once, changes apply at once, deletion removes all data."""

from datetime import timedelta
from typing import Any

import pytest

from libs.crypto.hashing import keyed_hash
from libs.oauth.errors import InvalidClient, InvalidClientMetadata, InvalidRedirectUri, InvalidRequest, OAuthError
from services.token.domain.authorization.interaction import Step
from services.token.usecases.tokens import revoke_in_batches
from tests.storage.token.world import BROWSER, PEPPER, Registered, World, asked, at_once
from tests.unit.token.parts import ALICE, BOB, MINUTE, NOON, REDIRECT_URI, SECOND, a_session

MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"]}


async def _works(world: World, client: Registered, secret: str | None = None) -> bool:
    try:
        tried = Registered(client.client_id, client.secret if secret is None else secret)
        await world.token(tried, grant_type="client_credentials")
    except InvalidClient:
        return False
    return True


@pytest.mark.s(18, 54)
async def test_a_new_client_gets_an_id_and_a_secret_of_the_servers_choice(world: World) -> None:
    made = await world.create_client({"redirect_uris": [REDIRECT_URI], "client_name": "Shop"})
    assert made.client.client_id.startswith("c_")
    assert len(made.secret) == 43
    assert (made.client.created_at, made.client.updated_at) == (NOON, NOON)
    assert await world.get_client(made.client.client_id) == made.client
    [created] = await world.events()
    assert (created["type"], created["subject"]) == ("latchkey.client.created.v1", made.client.client_id)
    assert (created["actortype"], created["data"]) == (
        "admin",
        {"client_id": made.client.client_id, "client_name": "Shop"},
    )


async def test_a_public_client_has_no_secret(world: World) -> None:
    made = await world.create_client({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"})
    assert made.secret == ""
    [row] = await world.rows("clients")
    assert (row["secret_hash"], row["former_secret_hash"]) == (None, None)
    assert made.client.metadata.require_pkce


@pytest.mark.s(2, 3, 6)
@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"redirect_uris": ["javascript:alert(1)"]}, InvalidRedirectUri),
        ({"redirect_uris": ["https://client.example/*#x"]}, InvalidRedirectUri),
        ({"redirect_uris": [REDIRECT_URI], "grant_types": ["passwords"]}, InvalidClientMetadata),
        ({"redirect_uris": [REDIRECT_URI], "grant_types": ["implicit"]}, InvalidClientMetadata),
        ({"redirect_uris": [REDIRECT_URI], "response_types": ["token"]}, InvalidClientMetadata),
        ({"redirect_uris": [REDIRECT_URI], "client_id": "c_mine"}, InvalidClientMetadata),
        ({"redirect_uris": [REDIRECT_URI], "client_secret": "mine"}, InvalidClientMetadata),
        ({}, InvalidClientMetadata),
    ],
)
async def test_create_client_is_refused_when_metadata_is_invalid(
    world: World, members: dict[str, Any], error: type[OAuthError]
) -> None:
    with pytest.raises(error):
        await world.create_client(members)
    client = await world.client()
    with pytest.raises(error):
        await world.update_client(client.client_id, {"redirect_uris": [], **members})
    assert len(await world.rows("clients")) == 1
    assert await world.event_types() == ["client.created"]


@pytest.mark.s(53, 60)
async def test_client_secret_is_returned_once_and_stored_hashed(world: World) -> None:
    client = await world.machine()
    rotated = await world.rotate_secret(client.client_id, overlap=MINUTE)
    kept, shown = await world.all_kept(), repr(await world.get_client(client.client_id)) + repr(rotated)
    for secret in (client.secret, rotated.secret):
        assert secret not in kept + shown
        assert repr(keyed_hash(PEPPER, secret))[2:-1] not in shown
        assert secret not in str(rotated.client.metadata.to_json())
    [row] = await world.rows("clients")
    assert row["secret_hash"] == keyed_hash(PEPPER, rotated.secret)
    assert row["former_secret_hash"] == keyed_hash(PEPPER, client.secret)


async def test_an_update_replaces_what_it_names_and_takes_away_what_is_null(world: World) -> None:
    client = await world.client(client_uri="https://client.example")
    world.clock.move(MINUTE)
    changed = await world.update_client(client.client_id, {"client_name": "New", "client_uri": None})
    assert changed.secret == ""
    metadata = (await world.get_client(client.client_id)).metadata
    assert (metadata.client_name, metadata.client_uri) == ("New", "")
    assert metadata.redirect_uris == (REDIRECT_URI,)
    assert (changed.client.created_at, changed.client.updated_at) == (NOON, NOON + MINUTE)
    assert "access_token" in await world.tokens(client)
    assert await world.event_types() == ["client.created", "client.updated", "code.redeemed", "token.issued"]


async def test_what_is_changed_holds_at_once(world: World) -> None:
    client = await world.client()
    await world.code(client)
    await world.update_client(client.client_id, {"scope": "openid"})
    following: Any = await world.ask(client, a_session())
    assert dict(following.parameters)["error"] == "invalid_scope"


@pytest.mark.s(20)
async def test_a_client_that_becomes_confidential_gets_its_first_secret(world: World) -> None:
    client = await world.client(token_endpoint_auth_method="none")
    changed = await world.update_client(client.client_id, {"token_endpoint_auth_method": "client_secret_basic"})
    assert len(changed.secret) == 43
    with pytest.raises(InvalidClient):
        await world.tokens(client)
    assert "access_token" in await world.tokens(Registered(client.client_id, changed.secret))


@pytest.mark.s(20)
async def test_a_client_that_becomes_public_loses_its_secrets(world: World) -> None:
    client = await world.client()
    await world.rotate_secret(client.client_id, overlap=MINUTE)
    await world.update_client(client.client_id, {"token_endpoint_auth_method": "none"})
    [row] = await world.rows("clients")
    assert (row["secret_hash"], row["former_secret_hash"], row["former_secret_expires_at"]) == (None, None, None)


@pytest.mark.s(18)
async def test_both_secrets_work_while_they_overlap(world: World) -> None:
    client = await world.machine()
    rotated = await world.rotate_secret(client.client_id, overlap=MINUTE)
    assert rotated.secret != client.secret
    assert await _works(world, client)
    assert await _works(world, client, rotated.secret)
    world.clock.move(MINUTE)
    assert not await _works(world, client)
    assert await _works(world, client, rotated.secret)
    assert await world.event_types() == ["client.created", "client.secret_rotated"]


@pytest.mark.s(18)
async def test_without_overlap_the_old_secret_ends_at_once(world: World) -> None:
    client = await world.machine()
    assert await _works(world, client)
    rotated = await world.rotate_secret(client.client_id, overlap=timedelta(0))
    assert not await _works(world, client)
    assert await _works(world, client, rotated.secret)


@pytest.mark.s(18)
async def test_a_third_secret_ends_the_first(world: World) -> None:
    """Never more than two are live: a leaked one cannot be kept alive by rotating."""
    client = await world.machine()
    second = await world.rotate_secret(client.client_id, overlap=60 * MINUTE)
    third = await world.rotate_secret(client.client_id, overlap=MINUTE)
    assert not await _works(world, client)
    assert await _works(world, client, second.secret)
    assert await _works(world, client, third.secret)
    world.clock.move(MINUTE)
    assert not await _works(world, client, second.secret)


async def test_an_update_keeps_both_live_secrets(world: World) -> None:
    client = await world.machine()
    rotated = await world.rotate_secret(client.client_id, overlap=MINUTE)
    await world.update_client(client.client_id, {"client_name": "New"})
    assert await _works(world, client)
    assert await _works(world, client, rotated.secret)
    world.clock.move(MINUTE)
    assert not await _works(world, client)


async def test_of_two_rotations_at_once_the_last_secret_works(world: World) -> None:
    client = await world.machine()
    rotations, refusals = await at_once(
        *(world.rotate_secret(client.client_id, overlap=timedelta(0)) for _ in range(4))
    )
    assert refusals == []
    working = [rotated for rotated in rotations if await _works(world, client, rotated.secret)]
    assert len(working) == 1


async def test_a_public_client_has_nothing_to_rotate(world: World) -> None:
    client = await world.client(token_endpoint_auth_method="none")
    with pytest.raises(InvalidRequest) as refusal:
        await world.rotate_secret(client.client_id, overlap=timedelta(0))
    assert refusal.value.reason == "CLIENT_HAS_NO_SECRET"
    assert await world.event_types() == ["client.created"]


async def test_a_deleted_client_leaves_nothing_that_works(world: World) -> None:
    client, other = await world.client(consent="required"), await world.client()
    for user_id in (ALICE, BOB):
        request_id = asked(await world.ask(client, a_session(user_id)), Step.CONSENT)
        await world.resume(request_id, browser_secret=BROWSER, session=a_session(user_id), allow=True)
    kept = await world.tokens(other)

    await world.delete_client(client.client_id)

    assert [row["client_id"] for row in await world.rows("clients")] == [other.client_id]
    assert await world.rows("consents") == []
    grants = {row["grant_id"]: row for row in await world.rows("grants")}
    ended = {grant_id: row for grant_id, row in grants.items() if row["client_id"] == client.client_id}
    assert {row["revoked_reason"] for row in ended.values()} == {"client_deleted"}
    [deleted] = await world.events("client.deleted")
    assert (deleted["subject"], deleted["data"]) == (client.client_id, {"client_id": client.client_id})
    emitted = {event["data"]["grant_id"]: event for event in await world.events("token.revoked")}
    assert emitted.keys() == ended.keys()
    assert {(event["subject"], event["reason"]) for event in emitted.values()} == {
        (ALICE, "client_deleted"),
        (BOB, "client_deleted"),
    }
    await world.get_userinfo(kept["access_token"])
    with pytest.raises(InvalidClient):
        await world.token(client, grant_type="authorization_code", code="x")


async def test_a_client_of_many_grants_goes_in_several_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction for all would be too large for the database, and the client could never be deleted."""
    monkeypatch.setattr(revoke_in_batches, "GRANTS_AT_ONCE", 3)
    client = await world.client()
    for _ in range(7):
        await world.code(client)
    await world.delete_client(client.client_id)
    assert all(row["revoked_at"] for row in await world.rows("grants"))
    emitted = await world.event_types()
    assert (emitted.count("token.revoked"), emitted.count("client.deleted")) == (7, 1)
    assert await world.rows("clients") == []


async def test_a_client_that_is_not_there_can_only_be_missed(world: World) -> None:
    for attempt in (
        world.get_client("c_unknown"),
        world.update_client("c_unknown", {}),
        world.rotate_secret("c_unknown", overlap=SECOND),
        world.delete_client("c_unknown"),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert refusal.value.reason == "CLIENT_UNKNOWN"
    assert await world.events() == []

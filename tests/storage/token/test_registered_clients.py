"""Clients that registered themselves: how long they stay, what they may do, and who changes them."""

from typing import Any

import pytest

from libs.oauth.errors import (
    ConsentRequired,
    InvalidRequest,
    InvalidToken,
    TemporarilyUnavailable,
)
from services.token.domain.authorization.interaction import Step
from services.token.usecases.clients import manage_registration
from services.token.usecases.clients import sweep_unused_clients as remove_unused_clients
from services.token.usecases.clients.register_client import NewRegistration
from tests.storage.token.registering import DAY, HOUR, MEMBERS, as_registered, register
from tests.storage.token.world import LIFETIMES, World, asked, at_once, sent
from tests.unit.token.parts import NOON, REDIRECT_URI, SECOND, a_session


@pytest.mark.s(57)
async def test_unused_client_is_removed_when_expired(world: World) -> None:
    by = world.registrations("open")
    made = await register(by)
    ours = await world.client()
    world.clock.move(LIFETIMES.registration)
    assert not await world.remove_unused_clients()
    assert len(await world.rows("clients")) == 2
    world.clock.move(SECOND)
    assert await world.clients.find(made.client.client_id) is not None
    await world.remove_unused_clients()
    assert [row["client_id"] for row in await world.rows("clients")] == [ours.client_id]
    assert await world.clients.find(made.client.client_id) is None
    [deleted] = await world.events("client.deleted")
    assert (deleted["subject"], deleted["actortype"]) == (made.client.client_id, "system")
    with pytest.raises(InvalidToken):
        await by.read(made.client.client_id, made.token)


@pytest.mark.s(57)
async def test_sign_in_prolongs_dynamic_registration(world: World) -> None:
    made = await register(world.registrations("open"))
    client = as_registered(made)
    await world.update_client(client.client_id, {"consent": "skip"})
    for _ in range(3):
        world.clock.move(LIFETIMES.registration - SECOND)
        await world.tokens(client, scope="openid")
        await world.remove_unused_clients()
    assert await world.clients.find(client.client_id) is not None
    world.clock.move(LIFETIMES.registration + SECOND)
    await world.remove_unused_clients()
    assert await world.clients.find(client.client_id) is None


@pytest.mark.s(57)
async def test_who_signs_in_at_the_last_moment_gets_a_code_of_a_client_that_stays_or_none(world: World) -> None:
    made = await register(world.registrations("open"))
    client = as_registered(made)
    await world.update_client(client.client_id, {"consent": "skip"})
    world.clock.move(LIFETIMES.registration + SECOND)
    assert await world.clients.find(client.client_id) is not None
    done, refusals = await at_once(world.remove_unused_clients(), world.code(client, scope="openid"))
    stays = bool(await world.rows("clients"))
    assert stays == (len(done) == 2)
    assert [type(refusal) for refusal in refusals] == ([] if stays else [InvalidRequest])
    assert len(await world.rows("codes")) == stays


@pytest.mark.s(57)
async def test_a_client_stays_as_long_as_what_was_granted_to_it_is_good(world: World) -> None:
    client = as_registered(await register(world.registrations("open")))
    await world.update_client(client.client_id, {"consent": "skip"})
    await world.tokens(client, scope="openid")
    [grant] = await world.rows("grants")
    world.clock.move(LIFETIMES.registration + SECOND)
    async with world.work() as work:  # as its refresh tokens do
        await work.grants.prolong(grant["grant_id"], until=world.clock.now() + DAY)
    await world.remove_unused_clients()
    assert await world.clients.find(client.client_id) is not None
    async with world.work() as work:
        await work.grants.revoke(grant["grant_id"], reason="signed_out", now=world.clock.now())
    await world.remove_unused_clients()
    assert await world.clients.find(client.client_id) is None


async def test_its_life_is_prolonged_once_a_day_at_most(world: World) -> None:
    made = await register(world.registrations("open"))
    client = as_registered(made)
    await world.update_client(client.client_id, {"consent": "skip"})

    async def expires_at() -> Any:
        return (await world.rows("clients"))[0]["registration_expires_at"]

    world.clock.move(DAY)
    await world.code(client, scope="openid")
    assert await expires_at() == NOON + LIFETIMES.registration
    world.clock.move(SECOND)
    await world.code(client, scope="openid")
    assert await expires_at() == NOON + DAY + SECOND + LIFETIMES.registration


@pytest.mark.s(57)
async def test_unused_clients_go_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove_unused_clients, "BATCH", 2)
    for _ in range(3):
        await register(world.registrations("open"))
    world.clock.move(LIFETIMES.registration + SECOND)
    more, _ = await at_once(world.remove_unused_clients(), world.remove_unused_clients())
    assert True in more
    while await world.remove_unused_clients():
        pass
    assert await world.rows("clients") == []
    assert len(await world.events("client.deleted")) == 3


@pytest.mark.s(56)
async def test_who_proves_nothing_is_asked_about_every_time(world: World) -> None:
    made = await register(world.registrations("open"), token_endpoint_auth_method="none")
    client = as_registered(made)
    fresh = a_session(at=NOON)
    for _ in range(2):
        request_id = asked(await world.ask(client, fresh, scope="openid"), Step.CONSENT)
        assert "code" in sent(await world.back(request_id, fresh, allow=True))
    silent = sent(await world.ask(client, fresh, scope="openid", prompt="none"))
    assert silent["error"] == ConsentRequired.error


@pytest.mark.s(56)
async def test_consent_to_a_client_that_proves_who_it_is_is_remembered(world: World) -> None:
    client = as_registered(await register(world.registrations("open")))
    fresh = a_session(at=NOON)
    request_id = asked(await world.ask(client, fresh, scope="openid"), Step.CONSENT)
    assert "code" in sent(await world.back(request_id, fresh, allow=True))
    assert "code" in sent(await world.ask(client, fresh, scope="openid", prompt="none"))
    asked(await world.ask(client, fresh, scope="openid email"), Step.CONSENT)


async def test_a_client_without_registered_scope_may_ask_for_all_standard_ones_and_needs_no_pkce(world: World) -> None:
    client = as_registered(await register(world.registrations("open")))
    await world.update_client(client.client_id, {"consent": "skip"})
    scope = "openid profile email address phone offline_access"
    code = await world.code(client, scope=scope, code_challenge=None, code_challenge_method=None)
    assert (await world.exchange(client, code, code_verifier=None))["scope"] == scope
    assert sent(await world.ask(client, a_session(), scope="openid notes"))["error"] == "invalid_scope"


@pytest.mark.s(57)
async def test_a_client_reads_changes_and_deletes_itself_with_its_own_token_only(world: World) -> None:
    by = world.registrations("open")
    mine, theirs, ours = await register(by), await register(by), await world.client()
    for client_id, token in (
        (mine.client.client_id, theirs.token),
        (mine.client.client_id, mine.secret),
        (mine.client.client_id, ""),
        (mine.client.client_id, None),
        (ours.client_id, mine.token),
        (ours.client_id, None),
        ("unknown", mine.token),
    ):
        for attempt in (
            by.read(client_id, token),
            by.change(client_id, token, {**MEMBERS, "client_id": client_id}),
            by.delete(client_id, token),
        ):
            with pytest.raises(InvalidToken) as refusal:
                await attempt
            assert refusal.value.reason == "REGISTRATION_ACCESS_TOKEN_WRONG"
    assert await by.read(mine.client.client_id, mine.token) == mine.client
    assert len(await world.rows("clients")) == 3


async def test_change_registration_applies_at_once_and_emits_event_of_client(world: World) -> None:
    by = world.registrations("open")
    made = await register(by, client_uri="https://client.example")
    client_id = made.client.client_id
    assert await world.clients.find(client_id) == made.client
    changed = await by.change(client_id, made.token, {**MEMBERS, "client_id": client_id, "client_name": "New"})
    assert changed.secret == ""
    found = await world.clients.find(client_id)
    assert found is not None
    assert (found.metadata.client_name, found.metadata.client_uri) == ("New", "")
    assert found.registration == made.client.registration
    [updated] = await world.events("client.updated")
    assert (updated["actortype"], updated["actorid"]) == ("client", client_id)


@pytest.mark.s(56)
@pytest.mark.parametrize(
    ("changes", "asked_again"),
    [
        ({"redirect_uris": [REDIRECT_URI, "https://evil.example/cb"]}, True),
        ({"client_name": "Another"}, True),
        ({"logo_uri": "https://evil.example/logo.png"}, True),
        ({"token_endpoint_auth_method": "client_secret_post", "tos_uri": "https://client.example/terms"}, False),
    ],
)
async def test_consent_is_required_again_when_client_metadata_on_consent_page_changes(
    world: World, changes: dict[str, Any], *, asked_again: bool
) -> None:
    by = world.registrations("open")
    made = await register(by)
    client, fresh = as_registered(made), a_session(at=NOON)
    request_id = asked(await world.ask(client, fresh, scope="openid"), Step.CONSENT)
    await world.back(request_id, fresh, allow=True)
    await by.change(client.client_id, made.token, {**MEMBERS, "client_id": client.client_id, **changes})
    silent = sent(await world.ask(client, fresh, scope="openid", prompt="none"))
    assert ("code" in silent) != asked_again
    assert await world.rows("consents") == [] or not asked_again


@pytest.mark.s(62)
async def test_a_client_changes_itself_so_often_within_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage_registration, "CHANGES_PER_HOUR", 2)
    by = world.registrations("open")
    made, other = await register(by), await register(by)

    async def change(which: NewRegistration) -> None:
        client_id = which.client.client_id
        await by.change(client_id, which.token, {**MEMBERS, "client_id": client_id})

    await change(made)
    await change(made)
    with pytest.raises(TemporarilyUnavailable):
        await change(made)
    await change(other)
    world.clock.move(HOUR)
    await change(made)


async def test_a_deleted_client_takes_what_was_granted_to_it_along(world: World) -> None:
    by = world.registrations("open")
    made = await register(by, grant_types=["authorization_code", "refresh_token"])
    client = as_registered(made)
    await world.update_client(client.client_id, {"consent": "skip"})
    tokens = await world.tokens(client, scope="openid offline_access")
    outcomes = await at_once(*(by.delete(client.client_id, made.token) for _ in range(3)))
    assert [len(outcome) for outcome in outcomes] == [1, 2]
    assert {type(refusal) for refusal in outcomes[1]} == {InvalidToken}
    [revoked] = await world.events("token.revoked")
    assert revoked["reason"] == "client_deleted"
    [deleted] = await world.events("client.deleted")
    assert deleted["actortype"] == "client"
    with pytest.raises(InvalidToken):
        await world.get_userinfo(tokens["access_token"])


async def test_an_operator_changes_a_client_that_registered_itself_and_it_stays_one(world: World) -> None:
    by = world.registrations("open")
    made = await register(by)
    await world.update_client(made.client.client_id, {"consent": "skip"})
    client_id = made.client.client_id
    changed = await by.change(client_id, made.token, {**MEMBERS, "client_id": client_id, "consent": "required"})
    assert changed.client.metadata.consent == "skip"
    assert changed.client.registration == made.client.registration

"""Clients that register themselves: who is let in, how many of them, and how long they stay."""

import json
from datetime import timedelta
from typing import Any

import pytest

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import (
    AccessDenied,
    ConsentRequired,
    InvalidClientMetadata,
    InvalidRequest,
    InvalidToken,
    TemporarilyUnavailable,
)
from libs.oauth.registration import RegistrationMode
from services.token.domain.authorization.interaction import Step
from services.token.http.register import Registrations
from services.token.usecases.clients import manage_registration
from services.token.usecases.clients import sweep_unused_clients as remove_unused_clients
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from services.token.usecases.clients.register_client import NewRegistration
from tests.storage.token.world import LIFETIMES, Registered, World, asked, at_once, sent
from tests.unit.token.parts import MINUTE, NOON, REDIRECT_URI, SECOND, a_session

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MEMBERS: dict[str, Any] = {"redirect_uris": [REDIRECT_URI], "client_name": "Theirs"}


async def register(
    by: Registrations, token: str | None = None, *, address: str = "192.0.2.1", **members: Any
) -> NewRegistration:
    return await by.register({**MEMBERS, **members}, initial_token=token, remote_address=address)


def as_registered(made: NewRegistration) -> Registered:
    return Registered(made.client.client_id, made.secret)


@pytest.mark.s(57)
async def test_closed_is_closed_even_to_who_has_a_token(world: World) -> None:
    token = await world.initial_token()
    for initial_token in (None, token, "nonsense"):
        with pytest.raises(AccessDenied) as refusal:
            await register(world.registrations("closed"), initial_token)
        assert refusal.value.reason == "REGISTRATION_CLOSED"
    with pytest.raises(InvalidRequest):
        await CreateInitialAccessToken(begin=world.work, mode="closed", clock=world.clock)(uses=1, life=HOUR)
    assert await world.rows("clients") == []
    assert [each.uses_left for each in await world.list_initial_tokens()] == [1]


@pytest.mark.s(57)
async def test_with_a_token_a_client_registers_once(world: World) -> None:
    token = await world.initial_token()
    made = await register(world.registrations(), token)
    assert made.client.client_id.startswith("c_")
    assert len(made.secret) == len(made.token) == 43
    [_, created] = await world.events()
    assert (created["type"], created["subject"]) == ("latchkey.client.created.v1", made.client.client_id)
    assert (created["actortype"], created["actorid"]) == ("client", made.client.client_id)
    with pytest.raises(InvalidToken):
        await register(world.registrations(), token)
    assert len(await world.rows("clients")) == 1


@pytest.mark.s(53)
async def test_initial_access_token_emits_event_when_created_and_when_revoked(world: World) -> None:
    made = await world.create_initial_token(uses=5, life=HOUR)
    await world.revoke_initial_token(made.record.token_id)
    emitted = [(event["type"], event["subject"], event["actortype"], event["data"]) for event in await world.events()]
    assert emitted == [
        (
            "latchkey.admin.acted.v1",
            made.record.token_id,
            "admin",
            {"action": action, "target_id": made.record.token_id},
        )
        for action in ("initial_access_token.created", "initial_access_token.revoked")
    ]
    assert made.token not in json.dumps(await world.events())


@pytest.mark.s(57)
@pytest.mark.parametrize("mode", ["token", "open"])
async def test_registration_is_refused_when_initial_access_token_is_unknown_revoked_or_expired(
    world: World, mode: RegistrationMode
) -> None:
    revoked = await world.create_initial_token(uses=5, life=HOUR)
    await world.revoke_initial_token(revoked.record.token_id)
    old = await world.initial_token()
    world.clock.move(HOUR)
    for token in (revoked.token, old, "nonsense", ""):
        with pytest.raises(InvalidToken):
            await register(world.registrations(mode), token)
    assert await world.rows("clients") == []


@pytest.mark.s(57)
async def test_without_a_token_only_an_open_server_registers(world: World) -> None:
    with pytest.raises(InvalidToken) as refusal:
        await register(world.registrations("token"))
    assert refusal.value.reason == "REGISTRATION_TOKEN_MISSING"
    assert (await register(world.registrations("open"))).client.registration is not None


@pytest.mark.s(57)
async def test_last_use_of_initial_access_token_registers_one_client_when_concurrent(world: World) -> None:
    by, token = world.registrations(), await world.initial_token(uses=3)
    made, refusals = await at_once(*(register(by, token) for _ in range(8)))
    assert len(made) == 3
    assert [type(refusal) for refusal in refusals] == [InvalidToken] * 5
    assert len(await world.rows("clients")) == 3
    assert await world.list_initial_tokens() == []


async def test_what_is_refused_uses_nothing_up(world: World) -> None:
    by, token = world.registrations(per_address=1), await world.initial_token()
    with pytest.raises(InvalidClientMetadata):
        await register(by, token, grant_types=["client_credentials"])
    assert [each.uses_left for each in await world.list_initial_tokens()] == [1]
    assert await world.rows("tallies") == []
    await register(by, token)


@pytest.mark.s(60)
async def test_of_tokens_and_secrets_only_hashes_are_kept(world: World) -> None:
    initial = await world.create_initial_token(uses=2, life=HOUR)
    made = await register(world.registrations(), initial.token)
    kept = await world.all_kept()
    shown = repr((initial, made, await world.list_initial_tokens()))
    for secret in (initial.token, made.token, made.secret):
        assert secret not in kept + shown
    [row] = await world.rows("clients")
    assert row["registration_hash"] == secret_hash(made.token)


@pytest.mark.s(57, 62)
async def test_there_are_never_more_clients_than_the_quota_says(world: World) -> None:
    await world.client()  # the operator's own do not count
    by = world.registrations("open", alive=3)
    made, refusals = await at_once(*(register(by, address=f"192.0.{n}.1") for n in range(8)))
    assert len(made) == 3
    assert {getattr(refusal, "reason", refusal) for refusal in refusals} == {"REGISTRATIONS_FULL"}
    assert len(await world.rows("clients")) == 4
    await by.delete(made[0].client.client_id, made[0].token)
    await register(by)


@pytest.mark.s(57, 62)
async def test_one_address_registers_so_many_within_an_hour_and_others_go_on(world: World) -> None:
    by = world.registrations("open", per_address=2)
    made, refusals = await at_once(*(register(by, address=f"192.0.2.{n}") for n in range(6)))
    assert (len(made), len(refusals)) == (2, 4)
    assert isinstance(refusals[0], TemporarilyUnavailable)
    assert (refusals[0].reason, refusals[0].retry_after) == ("REGISTRATIONS_OF_ADDRESS", 3_600)
    for client in made:  # that it is gone does not make room for another
        await by.delete(client.client.client_id, client.token)
    with pytest.raises(TemporarilyUnavailable):
        await register(by)
    await register(by, address="198.51.100.1")
    await register(by, await world.initial_token())  # the operator let this one in
    world.clock.move(HOUR)
    await register(by)


@pytest.mark.s(62)
async def test_all_addresses_together_register_so_many_within_an_hour(world: World) -> None:
    by = world.registrations("open", overall=2)
    made, refusals = await at_once(*(register(by, address=f"192.0.{n}.1") for n in range(5)))
    assert (len(made), {getattr(refusal, "reason", "") for refusal in refusals}) == (2, {"REGISTRATIONS_PER_HOUR"})


@pytest.mark.s(62)
async def test_counts_and_old_tokens_are_forgotten(world: World) -> None:
    await register(world.registrations("open"))
    await world.initial_token()
    await world.purge()
    assert (len(await world.rows("tallies")), len(await world.rows("initial_access_tokens"))) == (2, 1)
    world.clock.move(HOUR + SECOND)
    await world.purge()
    assert await world.rows("tallies") == await world.rows("initial_access_tokens") == []


@pytest.mark.parametrize(
    ("uses", "life"), [(0, HOUR), (100_001, HOUR), (1, timedelta()), (1, 366 * DAY), (2**32 - 1, HOUR)]
)
async def test_a_token_has_bounds(world: World, uses: int, life: timedelta) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.create_initial_token(uses=uses, life=life)
    assert refusal.value.reason == "REGISTRATION_TOKEN_BOUNDS"


async def test_usable_tokens_are_listed_the_latest_first(world: World) -> None:
    first = await world.create_initial_token(uses=2, life=HOUR)
    await world.create_initial_token(uses=2, life=MINUTE)
    world.clock.move(MINUTE)
    last = await world.create_initial_token(uses=1, life=HOUR)
    await register(world.registrations(), first.token)
    listed = await world.list_initial_tokens()
    assert [(each.token_id, each.uses_left) for each in listed] == [
        (last.record.token_id, 1),
        (first.record.token_id, 1),
    ]
    with pytest.raises(InvalidRequest):
        await world.revoke_initial_token("nonsense")


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

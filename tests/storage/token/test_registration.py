"""Clients that register themselves: who is let in, and how many of them."""

import json
from datetime import timedelta

import pytest

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import (
    AccessDenied,
    InvalidClientMetadata,
    InvalidRequest,
    InvalidToken,
    TemporarilyUnavailable,
)
from libs.oauth.registration import RegistrationMode
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from tests.storage.token.registering import DAY, HOUR, register
from tests.storage.token.world import World, at_once
from tests.unit.token.parts import MINUTE, SECOND


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

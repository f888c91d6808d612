"""A client gives tokens back, its own and no others (RFC 7009)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from libs.crypto.jwt import SigningKey
from libs.oauth.errors import InvalidClient, InvalidGrant, InvalidRequest, InvalidToken, TemporarilyUnavailable
from libs.oauth.parameters import Parameters
from services.token.domain.tokens.refresh_families import RefreshToken
from services.token.store.purge import Purge
from tests.storage.token.world import Registered, World, at_once
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, MINUTE, SECOND, read_token, signed_by

pytestmark = pytest.mark.s(33)
SCOPE = "openid email offline_access"


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client()


@pytest.fixture
async def tokens(world: World, client: Registered) -> Mapping[str, Any]:
    return await world.tokens(client, scope=SCOPE)


def _claims(tokens: Mapping[str, Any]) -> Mapping[str, Any]:
    return read_token(tokens["access_token"], "ES256").claims


async def _userinfo_refusal(world: World, tokens: Mapping[str, Any]) -> str:
    with pytest.raises(InvalidToken) as refusal:
        await world.get_userinfo(tokens["access_token"])
    return refusal.value.reason


async def _still_good(world: World, client: Registered, tokens: Mapping[str, Any]) -> None:
    assert await world.get_userinfo(tokens["access_token"])
    assert await world.refresh(client, tokens["refresh_token"])
    assert await world.events("token.revoked") == []


@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token", "something else"])
async def test_a_refresh_token_takes_its_grant_along(
    world: World, client: Registered, tokens: Mapping[str, Any], hint: str | None
) -> None:
    await world.revoke(client, tokens["refresh_token"], **({"token_type_hint": hint} if hint else {}))
    assert await _userinfo_refusal(world, tokens) == "GRANT_REVOKED"
    with pytest.raises(InvalidGrant) as refusal:
        await world.refresh(client, tokens["refresh_token"])
    assert refusal.value.reason == "GRANT_REVOKED"
    [event] = await world.events("token.revoked")
    assert event["data"] == {
        "user_id": ALICE,
        "client_id": client.client_id,
        "grant_id": _claims(tokens)["grant_id"],
        "reason": "REASON_REVOKED_BY_CLIENT",
    }
    assert (event["subject"], event["actortype"], event["actorid"]) == (ALICE, "client", client.client_id)
    assert (event["reason"], event["outcome"]) == ("revoked_by_client", "success")


@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token", "something else"])
async def test_an_access_token_ends_alone(
    world: World, client: Registered, tokens: Mapping[str, Any], hint: str | None
) -> None:
    await world.revoke(client, tokens["access_token"], **({"token_type_hint": hint} if hint else {}))
    assert await _userinfo_refusal(world, tokens) == "TOKEN_REVOKED"
    fresh = await world.refresh(client, tokens["refresh_token"])
    assert await world.get_userinfo(fresh["access_token"])
    [event] = await world.events("token.revoked")
    assert event["data"] == {
        "user_id": ALICE,
        "client_id": client.client_id,
        "grant_id": _claims(tokens)["grant_id"],
        "reason": "REASON_REVOKED_BY_CLIENT",
        "token_id": _claims(tokens)["jti"],
    }


async def test_a_machine_revokes_its_own_token(world: World) -> None:
    machine = await world.machine()
    token = await world.token(machine, grant_type="client_credentials")
    await world.revoke(machine, token["access_token"])
    [event] = await world.events("token.revoked")
    assert event["data"] == {
        "client_id": machine.client_id,
        "reason": "REASON_REVOKED_BY_CLIENT",
        "token_id": _claims(token)["jti"],
    }
    assert event["subject"] == machine.client_id
    assert [row["token_id"] for row in await world.rows("revocations")] == [_claims(token)["jti"]]


async def test_a_public_client_names_itself(world: World) -> None:
    public = await world.client(token_endpoint_auth_method="none")
    tokens = await world.tokens(public, scope=SCOPE)
    await world.revoke(public, tokens["refresh_token"])
    assert await _userinfo_refusal(world, tokens) == "GRANT_REVOKED"


async def test_another_clients_tokens_stay_as_they_are(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    for other in (await world.client(), await world.client(token_endpoint_auth_method="none"), await world.machine()):
        await world.revoke(other, tokens["refresh_token"])
        await world.revoke(other, tokens["access_token"])
    await _still_good(world, client, tokens)


async def test_revocation_of_unknown_token_succeeds_without_effect(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    genuine = RefreshToken.parse(tokens["refresh_token"])
    forged = RefreshToken(genuine.family_id, genuine.generation, b"x" * 32)
    unknown = RefreshToken("00000000-0000-7000-8000-000000000000", 1, genuine.secret)
    theirs = signed_by(SigningKey.generate("ES256"), _claims(tokens), typ="at+jwt")
    for text in ("x", "a.b.c", "ä", "x" * 20_000, str(forged), str(unknown), theirs, tokens["id_token"]):
        await world.revoke(client, text)
    await _still_good(world, client, tokens)
    assert await world.rows("revocations") == []


async def test_a_replaced_refresh_token_ends_the_grant_as_well(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    fresh = await world.refresh(client, tokens["refresh_token"])
    world.clock.move(5 * MINUTE)
    await world.revoke(client, tokens["refresh_token"])
    assert await _userinfo_refusal(world, fresh) == "GRANT_REVOKED"
    assert await world.events("token.reuse_detected") == []


async def test_revocation_of_expired_or_revoked_token_emits_no_event(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    for _ in range(2):
        await world.revoke(client, tokens["access_token"])
    for _ in range(2):
        await world.revoke(client, tokens["refresh_token"])
    await world.revoke(client, tokens["access_token"])
    assert len(await world.events("token.revoked")) == 2
    other = await world.tokens(client, scope=SCOPE)
    world.clock.move(10 * MINUTE)
    await world.revoke(client, other["access_token"])
    world.clock.move(timedelta(days=90))
    await world.revoke(client, other["refresh_token"])
    assert len(await world.events("token.revoked")) == 2


async def test_concurrent_revocations_emit_one_event(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    for name in ("access_token", "refresh_token"):
        done, refused = await at_once(*(world.revoke(client, tokens[name]) for _ in range(8)))
        assert (len(done), refused) == (8, [])
    assert len(await world.events("token.revoked")) == 2


async def test_a_request_without_a_token_or_a_client_is_refused(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as missing:
        await world.revoke_token(client.credentials, Parameters({}))
    assert missing.value.reason == "TOKEN_MISSING"
    for wrong in (Registered(client.client_id, "wrong"), Registered(client.client_id, ""), Registered("c_x", "x")):
        with pytest.raises(InvalidClient):
            await world.revoke(wrong, tokens["refresh_token"])
    await _still_good(world, client, tokens)


@pytest.mark.s(66)
async def test_without_keys_an_access_token_is_not_said_to_be_revoked(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    world.keys.unseen = True
    with pytest.raises(TemporarilyUnavailable):
        await world.revoke(client, tokens["access_token"])


async def test_revocation_is_kept_until_the_token_expires(
    world: World, client: Registered, tokens: Mapping[str, Any]
) -> None:
    await world.revoke(client, tokens["access_token"])
    step = Purge(world.database, clock=world.clock)
    world.clock.move(11 * MINUTE)
    await step()
    assert len(await world.rows("revocations")) == 1
    world.clock.move(SECOND)
    await step()
    assert await world.rows("revocations") == []


async def test_what_revoking_costs(world: World, client: Registered, tokens: Mapping[str, Any]) -> None:
    """The last two of each emit events."""
    user_allowed = {
        "access_token": ["SELECT", "INSERT", "INSERT", "INSERT"],
        "refresh_token": ["SELECT", "UPDATE", "INSERT", "INSERT"],
    }
    for name, verbs in user_allowed.items():
        with statements(world.database) as sent:
            await world.revoke(client, tokens[name])
        assert [statement.split()[0] for statement in sent] == verbs

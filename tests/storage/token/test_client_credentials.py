"""Clients that act for themselves: the hottest path (RFC 6749 4.4)."""

from typing import Any

import pytest

from libs.oauth.client_authentication import BASIC, NONE, POST, Credentials
from libs.oauth.errors import InvalidClientMetadata, InvalidScope, OAuthError
from libs.oauth.parameters import Parameters
from tests.storage.token.world import World
from tests.support.databases import statements
from tests.unit.token.parts import ISSUER, NOON, read_token, signing_key

GRANT: dict[str, Any] = {"grant_type": "client_credentials"}


@pytest.mark.s(25, 71)
async def test_the_token_is_the_clients_own(world: World) -> None:
    machine = await world.machine()
    tokens = await world.token(machine, **GRANT)
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 600, "notes printers")
    decoded = read_token(tokens["access_token"], "ES256")
    assert decoded.header == {"alg": "ES256", "typ": "at+jwt", "kid": signing_key("ES256").kid}
    token_id = decoded.claims["jti"]
    assert decoded.claims == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": machine.client_id,
        "client_id": machine.client_id,
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 600,
        "jti": token_id,
        "scope": "notes printers",
    }


async def test_no_two_tokens_are_the_same(world: World) -> None:
    machine = await world.machine()
    tokens = [await world.token(machine, **GRANT) for _ in range(5)]
    assert len({read_token(each["access_token"], "ES256").claims["jti"] for each in tokens}) == 5


async def test_it_costs_no_sql_and_no_call(world: World) -> None:
    machine = await world.machine()
    with statements(world.database) as sent:
        await world.token(machine, **GRANT)
    assert len(sent) == 1  # the client, for the cache
    with statements(world.database) as sent:
        for _ in range(3):
            await world.token(machine, **GRANT)
    assert sent == []
    assert world.users.asked == []


async def test_client_credentials_publishes_events_without_outbox_row(world: World) -> None:
    machine = await world.machine()
    tokens = await world.token(machine, **GRANT, scope="printers")
    [event] = world.telemetry.events
    assert (event.name, event.subject, event.actor.kind, event.actor.id) == (
        "token.issued",
        machine.client_id,
        "client",
        machine.client_id,
    )
    data: Any = event.data
    assert (data.user_id, data.client_id, data.grant_id) == ("", machine.client_id, "")
    assert (data.grant_type, list(data.scopes)) == ("client_credentials", ["printers"])
    assert data.token_id == read_token(tokens["access_token"], "ES256").claims["jti"]
    assert await world.event_types() == ["client.created"]


@pytest.mark.s(36)
@pytest.mark.parametrize("scope", ["admin", "notes admin", "openid", "profile", "offline_access", "notes  printers"])
async def test_wider_scope_is_refused_without_an_event(world: World, scope: str) -> None:
    both = await world.client(grant_types=["authorization_code", "client_credentials"])
    with pytest.raises(InvalidScope):
        await world.token(both, **GRANT, scope=scope)
    assert world.telemetry.events == []


@pytest.mark.s(36)
async def test_client_credentials_does_not_grant_user_scopes(world: World) -> None:
    both = await world.client(grant_types=["authorization_code", "client_credentials"])
    assert (await world.token(both, **GRANT))["scope"] == "notes"


async def test_a_client_without_a_scope_gets_a_token_without_one(world: World) -> None:
    machine = await world.machine(scope=None)
    tokens = await world.token(machine, **GRANT)
    assert "scope" not in tokens
    assert "scope" not in read_token(tokens["access_token"], "ES256").claims


@pytest.mark.s(20)
async def test_a_public_client_cannot_register_for_it_and_cannot_use_it(world: World) -> None:
    with pytest.raises(InvalidClientMetadata):
        await world.machine(token_endpoint_auth_method="none")
    app = await world.client(token_endpoint_auth_method="none")
    with pytest.raises(OAuthError) as refusal:
        await world.token(app, **GRANT)
    assert refusal.value.error == "unauthorized_client"


@pytest.mark.s(6, 17)
@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        (None, "invalid_request"),
        ("password", "unauthorized_client"),
        ("implicit", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unauthorized_client"),
        ("CLIENT_CREDENTIALS", "unsupported_grant_type"),
        ("authorization_code", "unauthorized_client"),
        ("refresh_token", "unauthorized_client"),
    ],
)
async def test_only_registered_grants_that_exist_are_served(world: World, grant_type: str | None, error: str) -> None:
    machine = await world.machine()
    with pytest.raises(OAuthError) as refusal:
        await world.token(machine, grant_type=grant_type, username="alice", password="alice-password", code="x")
    assert refusal.value.error == error


@pytest.mark.s(18, 20)
@pytest.mark.parametrize("how", ["wrong secret", "no secret", "posted", "unknown", "of another client"])
async def test_who_does_not_prove_to_be_the_client_gets_nothing(world: World, how: str) -> None:
    machine = await world.machine(token_endpoint_auth_method="client_secret_basic")
    other = await world.machine()
    credentials = {
        "wrong secret": Credentials(machine.client_id, BASIC, "x" * 43),
        "no secret": Credentials(machine.client_id, NONE),
        "posted": Credentials(machine.client_id, POST, machine.secret),
        "unknown": Credentials("c_unknown", BASIC, machine.secret),
        "of another client": Credentials(machine.client_id, BASIC, other.secret),
    }[how]
    with pytest.raises(OAuthError) as refusal:
        await world.issue_tokens(credentials, Parameters(GRANT))
    assert refusal.value.error == "invalid_client"
    if how != "posted":  # the error names the registered method to a client that knows its secret
        assert refusal.value.description == "Client authentication failed."
    assert world.telemetry.events == []


@pytest.mark.s(66)
async def test_client_credentials_issues_no_token_and_no_event_without_signing_key(world: World) -> None:
    machine = await world.machine()
    world.keys.missing = {"ES256"}
    with pytest.raises(OAuthError) as refusal:
        await world.token(machine, **GRANT)
    assert (refusal.value.error, refusal.value.retry_after) == ("temporarily_unavailable", 5)
    assert world.telemetry.events == []

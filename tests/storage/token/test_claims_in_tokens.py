"""Claims about the user in ID tokens and access tokens: by client setting, and only of granted scopes."""

from typing import Any

import pytest

from libs.crypto.jwt import UnverifiedJwt
from tests.storage.token.world import Registered, World, sent
from tests.unit.token.parts import ALICE, a_session

SCOPE = "openid email employee offline_access"
DEPARTMENT = {"department": "Research"}


@pytest.fixture
def alice(world: World) -> dict[str, Any]:
    """Alice has claims of three scopes."""
    account = world.users.users[ALICE]
    claims = {**account.claims, **DEPARTMENT}
    world.users.users[ALICE] = type(account)(claims=claims)
    return claims


def _claims(token: str) -> dict[str, Any]:
    return dict(UnverifiedJwt.parse(token).claims)


async def _client(world: World, **members: Any) -> Registered:
    grants = ["authorization_code", "refresh_token"]
    return await world.client(scope=SCOPE + " profile", grant_types=grants, **members)


async def _tokens(world: World, client: Registered, *, scope: str = SCOPE) -> tuple[dict[str, Any], dict[str, Any]]:
    response = await world.tokens(client, scope=scope)
    return _claims(response["id_token"]), _claims(response["access_token"])


@pytest.mark.usefixtures("alice")
async def test_claims_of_granted_scopes_are_only_at_userinfo_by_default(world: World) -> None:
    id_token, access_token = await _tokens(world, await _client(world))
    assert not {"name", "email", "department"} & {*id_token, *access_token}


@pytest.mark.usefixtures("alice")
async def test_id_token_of_the_code_flow_has_claims_of_granted_scopes_when_the_client_wants_them(world: World) -> None:
    client = await _client(world, claims_in_id_token=True)
    id_token, access_token = await _tokens(world, client)
    assert (id_token["email"], id_token["department"]) == ("alice@example.com", "Research")
    assert "name" not in id_token, "profile was not granted"
    assert not {"name", "email", "department"} & {*access_token}


@pytest.mark.usefixtures("alice")
async def test_id_token_of_a_refresh_has_them_as_well(world: World) -> None:
    client = await _client(world, claims_in_id_token=True)
    tokens = await world.tokens(client, scope=SCOPE)
    again = await world.refresh(client, tokens["refresh_token"])
    assert _claims(again["id_token"])["department"] == "Research"
    narrowed = await world.refresh(client, again["refresh_token"], scope="openid email")
    assert "department" not in _claims(narrowed["id_token"])


@pytest.mark.usefixtures("alice")
async def test_access_token_has_the_named_claims_of_granted_scopes(world: World) -> None:
    client = await _client(world, claims_in_access_token=["department", "name"])
    id_token, access_token = await _tokens(world, client)
    assert access_token["department"] == "Research"
    assert "name" not in access_token, "profile was not granted"
    assert not {"name", "email", "department"} & {*id_token}


async def test_claim_cannot_replace_a_claim_of_the_protocol(world: World) -> None:
    account = world.users.users[ALICE]
    world.users.users[ALICE] = type(account)(claims={"department": "Research", "sub": "mallory", "iss": "https://evil"})
    client = await _client(world, claims_in_id_token=True, claims_in_access_token=["department", "sub", "iss"])
    id_token, access_token = await _tokens(world, client)
    for claims in (id_token, access_token):
        assert claims["sub"] == ALICE
        assert claims["iss"] != "https://evil"


@pytest.mark.usefixtures("alice")
async def test_access_token_of_the_authorization_endpoint_has_the_named_claims(world: World) -> None:
    client = await world.client(
        scope="openid employee",
        grant_types=["implicit"],
        response_types=["id_token token"],
        claims_in_access_token=["department"],
    )
    response = sent(await world.ask(client, a_session(), response_type="id_token token", scope="openid employee"))
    assert _claims(response["access_token"])["department"] == "Research"
    assert "department" not in _claims(response["id_token"])

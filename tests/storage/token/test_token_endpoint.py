"""POST /token over HTTP: tokens for those who prove who they are (RFC 6749 2.3.1, 5)."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest

from libs.crypto.hashing import keyed_hash
from libs.oauth.parameters import Parameters
from services.token.domain.clients.client import Client, ClientSecret, require_client
from services.token.domain.tokens.token_claims import AccessToken
from services.token.usecases.tokens.issue_tokens import Authorized
from tests.storage.token.edge import Edge, basic, edge_of, post, refusal, serving
from tests.storage.token.world import PEPPER, Registered, World
from tests.unit.token.parts import REDIRECT_URI, VERIFIER

MACHINE = {"grant_type": "client_credentials"}


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Edge]:
    async with edge_of(world) as edge:
        yield edge


@pytest.fixture
async def machine(world: World) -> Registered:
    return await world.machine()


@pytest.mark.s(59)
async def test_token_response_is_not_cacheable(world: World, edge: Edge) -> None:
    client = await world.client()
    form = {
        "grant_type": "authorization_code",
        "code": await world.code(client),
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    response = await post(edge, "/token", form, client=client)
    assert (response.status, response.content_type) == (200, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "max-age" in response.headers["Strict-Transport-Security"]
    tokens = await response.json()
    assert isinstance(tokens["expires_in"], int)
    refreshed = await post(
        edge, "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, client=client
    )
    assert refreshed.status == 200
    assert refreshed.headers["Cache-Control"] == "no-store"


async def test_hsts_header_is_absent_over_plain_http(world: World) -> None:
    async with serving(token=world.issue_tokens, secure=False) as edge:
        assert "Strict-Transport-Security" not in (await edge.get("/userinfo")).headers


@pytest.mark.s(19)
@pytest.mark.parametrize("secret", ["with:colon", "a+b c%25", "ä→🗝", "%3A"])
async def test_basic_halves_are_form_decoded(world: World, edge: Edge, machine: Registered, secret: str) -> None:
    """RFC 6749 2.3.1. Generated secrets have no such characters; imported secrets may have them."""
    async with world.work() as work:
        found = require_client(await work.clients.find(machine.client_id))
        await work.clients.save(replace(found, secrets=(ClientSecret(keyed_hash(PEPPER, secret)),)))
    response = await post(edge, "/token", MACHINE, headers=[("Authorization", basic(machine.client_id, secret))])
    assert response.status == 200


@pytest.mark.s(18)
async def test_client_may_post_its_secret_unless_it_registered_otherwise(world: World, edge: Edge) -> None:
    posting = await world.machine(token_endpoint_auth_method="client_secret_post")
    basic = await world.machine(token_endpoint_auth_method="client_secret_basic")
    for client, status in ((posting, 200), (await world.machine(), 200), (basic, 400)):
        form = {**MACHINE, "client_id": client.client_id, "client_secret": client.secret}
        assert (await post(edge, "/token", form)).status == status
    assert await refusal(await post(edge, "/token", MACHINE, client=posting)) == (401, "invalid_client")


@pytest.mark.s(18)
async def test_two_ways_of_authentication_are_refused(edge: Edge, machine: Registered) -> None:
    form = {**MACHINE, "client_id": machine.client_id, "client_secret": machine.secret}
    assert await refusal(await post(edge, "/token", form, client=machine)) == (400, "invalid_request")
    form = {**MACHINE, "client_id": "c_other"}
    assert await refusal(await post(edge, "/token", form, client=machine)) == (400, "invalid_request")
    form = {**MACHINE, "client_id": machine.client_id}
    assert (await post(edge, "/token", form, client=machine)).status == 200


@pytest.mark.s(18)
async def test_two_authorization_headers_are_refused(edge: Edge, machine: Registered) -> None:
    headers = [("Authorization", basic(machine.client_id, machine.secret)), ("Authorization", basic("c", "x"))]
    assert await refusal(await post(edge, "/token", MACHINE, headers=headers)) == (400, "invalid_request")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.s(18, 19)
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic ä",
        "Basic " + _b64(b"no-colon"),
        "Basic " + _b64(b":secret"),
        "Basic " + _b64(b"\xff\xfe:x"),
        "Basic " + _b64(b"%ff:x"),
        "Basic " + _b64(b"\x00:x"),
        "Basic " + _b64(b"c%00:x"),
        "Basic " + _b64(b"c_x:y"),
        "Basic " + _b64(b"x" * 5_000 + b":y"),
        "Bearer x",
        "Digest username=x",
        "Negotiate",
    ],
)
async def test_a_header_that_proves_nothing_gets_a_challenge(edge: Edge, authorization: str) -> None:
    response = await post(edge, "/token", MACHINE, headers=[("Authorization", authorization)])
    assert await refusal(response) == (401, "invalid_client")
    assert response.headers["WWW-Authenticate"] == 'Basic realm="latchkey"'


async def test_who_used_no_header_gets_no_challenge(edge: Edge) -> None:
    for form in (MACHINE, {**MACHINE, "client_id": "c_unknown"}, {**MACHINE, "client_id": "c", "client_secret": "x"}):
        response = await post(edge, "/token", form)
        assert await refusal(response) == (400, "invalid_client")
        assert "WWW-Authenticate" not in response.headers


async def test_forty_clients_at_once_are_served(world: World, edge: Edge, machine: Registered) -> None:
    responses = await asyncio.gather(*(post(edge, "/token", MACHINE, client=machine) for _ in range(40)))
    assert {response.status for response in responses} == {200}
    assert len(world.telemetry.events) == 40


async def test_grant_adds_members_to_the_token_response_and_replaces_none(world: World) -> None:
    machine = await world.machine()

    async def redeem(_token: AccessToken) -> None:
        return None

    async def handle(parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        assert parameters["grant_type"] == "client_credentials"
        assert now == world.clock.now()
        members = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "N_A"}
        return Authorized(client=client, scopes=("notes",), redeem=redeem, response_members=members)

    world.issue_tokens = replace(world.issue_tokens, grants={"client_credentials": handle})
    response = await world.token(machine, grant_type="client_credentials")
    assert response["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (response["token_type"], response["scope"]) == ("Bearer", "notes")

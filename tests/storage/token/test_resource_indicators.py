"""Resource indicators (RFC 8707): the audience of a token, the consent of the user, and no later extension."""

import json
from typing import Any

import pytest

from libs.oauth.errors import InvalidTarget, InvalidToken
from libs.oauth.parameters import Parameters
from services.token.domain.authorization.interaction import Step
from services.token.domain.authorization.pushed_requests import URI_PREFIX
from tests.storage.token.edge import edge_of, post, refusal
from tests.storage.token.test_private_key_jwt import jwks_of
from tests.storage.token.test_request_objects import signed
from tests.storage.token.world import AUDIENCES, BROWSER, Registered, World, asked, sent
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, ISSUER, NOON, a_session, parameters_of, read_token, signing_key

ORDERS, NOTES, OTHER = "https://orders.example/api", "urn:example:notes", "https://other.example"
BOTH = f"{ORDERS} {NOTES}"
FRESH = a_session(at=NOON)


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client(resources=[ORDERS, NOTES])


def audience(answer: dict[str, Any]) -> Any:
    return read_token(answer["access_token"], "ES256").claims["aud"]


async def refused(attempt: Any) -> str:
    with pytest.raises(InvalidTarget) as found:
        await attempt
    return found.value.reason


@pytest.mark.s(25)
async def test_access_token_audience_is_the_requested_resources(world: World, client: Registered) -> None:
    assert audience(await world.tokens(client, scope="notes", resource=ORDERS)) == ORDERS
    assert audience(await world.tokens(client, scope="notes", resource=BOTH)) == [ORDERS, NOTES]
    assert audience(await world.tokens(client, scope="notes")) == ISSUER


@pytest.mark.s(25)
async def test_audience_contains_userinfo_only_if_userinfo_claims_were_requested(
    world: World, client: Registered
) -> None:
    """Otherwise a resource server that gets the token could read the user's claims."""
    tokens = await world.tokens(client, scope="openid notes", resource=ORDERS)
    assert audience(tokens) == ORDERS
    with pytest.raises(InvalidToken) as found:
        await world.get_userinfo(tokens["access_token"])
    assert found.value.reason == "AUDIENCE_MISMATCH"
    assert "resource" in found.value.description
    claims = json.dumps({"userinfo": {"email": None}})
    tokens = await world.tokens(client, scope="openid notes", resource=ORDERS, claims=claims)
    assert audience(tokens) == [ORDERS, AUDIENCES.userinfo]
    assert (await world.get_userinfo(tokens["access_token"])).keys() == {"sub", "email"}


@pytest.mark.s(25)
async def test_a_token_for_a_resource_alone_opens_no_userinfo(world: World, client: Registered) -> None:
    code = await world.code(client, scope="openid notes", resource=ORDERS)
    tokens = await world.exchange(client, code, resource=ORDERS)
    assert audience(tokens) == ORDERS
    with pytest.raises(InvalidToken) as found:
        await world.get_userinfo(tokens["access_token"])
    assert found.value.reason == "AUDIENCE_MISMATCH"
    refreshed = await world.refresh(client, tokens["refresh_token"], resource=AUDIENCES.userinfo)
    assert audience(refreshed) == AUDIENCES.userinfo
    assert (await world.get_userinfo(refreshed["access_token"]))["sub"]


async def test_the_token_endpoint_narrows_and_a_refresh_may_have_the_rest(world: World, client: Registered) -> None:
    code = await world.code(client, scope="notes", resource=BOTH)
    tokens = await world.exchange(client, code, resource=NOTES)
    assert audience(tokens) == NOTES
    assert audience(await world.refresh(client, tokens["refresh_token"])) == [ORDERS, NOTES]


@pytest.mark.s(24, 25, 36)
@pytest.mark.parametrize("resource", [NOTES, BOTH, OTHER, ISSUER, AUDIENCES.userinfo])
async def test_nothing_widens_what_was_granted(world: World, client: Registered, resource: str) -> None:
    code = await world.code(client, scope="notes offline_access", resource=ORDERS)
    assert await refused(world.exchange(client, code, resource=resource)) == "RESOURCE_WIDENED"
    tokens = await world.exchange(client, code)  # a refused request does not redeem the code
    assert await refused(world.refresh(client, tokens["refresh_token"], resource=resource)) == "RESOURCE_WIDENED"
    assert audience(await world.refresh(client, tokens["refresh_token"])) == ORDERS


@pytest.mark.s(25)
async def test_a_grant_for_no_resource_gives_no_token_for_one(world: World, client: Registered) -> None:
    code = await world.code(client, scope="notes")
    assert await refused(world.exchange(client, code, resource=ORDERS)) == "RESOURCE_WIDENED"
    tokens = await world.exchange(client, code, resource=ISSUER)
    assert audience(tokens) == ISSUER
    narrower = await world.refresh(client, tokens["refresh_token"], resource=AUDIENCES.userinfo)
    assert audience(narrower) == AUDIENCES.userinfo


@pytest.mark.s(24)
async def test_a_resource_that_the_client_has_lost_is_not_given_any_more(world: World, client: Registered) -> None:
    tokens = await world.tokens(client, scope="notes", resource=BOTH)
    await world.update_client(client.client_id, {"resources": [NOTES]})
    refreshed = await world.refresh(client, tokens["refresh_token"])
    assert audience(refreshed) == NOTES
    await world.update_client(client.client_id, {"resources": [OTHER]})
    assert await refused(world.refresh(client, refreshed["refresh_token"])) == "RESOURCE_WIDENED"


async def test_a_client_for_itself_gets_what_it_has_registered_without_sql_or_call(world: World) -> None:
    machine = await world.machine(resources=[ORDERS, NOTES])
    assert audience(await world.token(machine, grant_type="client_credentials")) == ISSUER
    with statements(world.database) as sql:
        tokens = await world.token(machine, grant_type="client_credentials", resource=BOTH)
        assert await refused(world.token(machine, grant_type="client_credentials", resource=OTHER))
    assert (sql, world.users.asked) == ([], [])
    assert audience(tokens) == [ORDERS, NOTES]


async def test_a_token_from_the_authorization_endpoint_is_for_the_same(world: World) -> None:
    client = await world.client(
        grant_types=["implicit"], response_types=["token", "id_token token"], resources=[ORDERS]
    )
    answer = sent(await world.ask(client, a_session(), response_type="token", scope="notes", resource=ORDERS))
    assert audience(answer) == ORDERS
    both = sent(await world.ask(client, a_session(), response_type="id_token token", resource=ORDERS))
    assert audience(both) == ORDERS
    assert read_token(both["id_token"], "RS256").claims["aud"] == client.client_id


async def test_request_may_repeat_resource_and_is_refused_when_one_is_not_registered(
    world: World, client: Registered
) -> None:
    several = await world.ask(client, a_session(), scope="notes", more=[("resource", ORDERS), ("resource", NOTES)])
    assert audience(await world.exchange(client, sent(several)["code"])) == [ORDERS, NOTES]
    answer = sent(await world.ask(client, a_session(), more=[("resource", ORDERS), ("resource", OTHER)]))
    assert (answer["error"], answer["state"]) == ("invalid_target", "a state")
    other = sent(await world.ask(client, a_session(), more=[("resource", ORDERS), ("state", "again")]))
    assert other["error"] == "invalid_request"


async def test_a_pushed_request_carries_it(world: World, client: Registered) -> None:
    form = parameters_of(client_id=client.client_id, scope="notes", resource=BOTH)
    uri = (await world.push(client.credentials, Parameters(form)))["request_uri"]
    assert uri.startswith(URI_PREFIX)
    pairs = [("client_id", client.client_id), ("request_uri", uri), ("resource", OTHER)]
    answer = sent(await world.authorize(pairs, browser_secret=BROWSER, session=a_session(), defer=False))
    assert audience(await world.exchange(client, answer["code"])) == [ORDERS, NOTES]
    assert await refused(world.push(client.credentials, Parameters({**form, "resource": OTHER})))


@pytest.mark.parametrize(("inside", "expected"), [(ORDERS, ORDERS), ([ORDERS, NOTES], [ORDERS, NOTES])])
async def test_a_request_object_carries_one_or_a_list(world: World, inside: Any, expected: Any) -> None:
    client = await world.client(jwks=jwks_of(signing_key("RS256"), named=False), resources=[ORDERS, NOTES])
    pairs = [("client_id", client.client_id), ("request", signed(client, scope="notes", resource=inside))]
    answer = sent(await world.authorize(pairs, browser_secret=BROWSER, session=a_session(), defer=False))
    assert audience(await world.exchange(client, answer["code"])) == expected


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        (7, "invalid_request_object"),
        ([ORDERS, 7], "invalid_request_object"),
        ({"a": 1}, "invalid_request_object"),
        ([BOTH], "invalid_target"),
    ],
)
async def test_a_request_object_with_something_else_there_is_refused(world: World, inside: Any, error: str) -> None:
    client = await world.client(jwks=jwks_of(signing_key("RS256"), named=False), resources=[ORDERS, NOTES])
    pairs = [("redirect_uri", parameters_of()["redirect_uri"]), ("request", signed(client, resource=inside))]
    pairs.append(("client_id", client.client_id))
    answer = sent(await world.authorize(pairs, browser_secret=BROWSER, session=a_session(), defer=False))
    assert answer["error"] == error


@pytest.mark.s(56)
async def test_a_new_resource_asks_again_and_a_yes_to_one_is_none_to_another(world: World) -> None:
    client = await world.client(consent="required", resources=[ORDERS, NOTES])

    async def step(resource: str | None, scope: str = "openid notes") -> str:
        following = await world.ask(client, FRESH, resource=resource, scope=scope)
        return asked(following, Step.CONSENT)

    await world.back(await step(None), FRESH, allow=True)
    await world.back(await step(ORDERS), FRESH, allow=True)
    assert "code" in sent(await world.ask(client, FRESH, resource=ORDERS))
    assert "code" in sent(await world.ask(client, FRESH))
    await step(NOTES)
    await step(BOTH)
    await step(ORDERS, scope="openid notes email")
    await world.back(await step(NOTES, scope="openid"), FRESH, allow=True)
    assert "code" in sent(await world.ask(client, FRESH, resource=BOTH, scope="openid"))
    await step(BOTH)  # `notes` was said yes to for one of the two
    await world.back(await step(BOTH), FRESH, allow=True)
    assert "code" in sent(await world.ask(client, FRESH, resource=BOTH))
    assert [event["data"].get("resources") for event in await world.events("consent.granted")] == [
        None,
        [ORDERS],
        [NOTES],
        [ORDERS, NOTES],
    ]


@pytest.mark.s(56)
async def test_describe_interaction_returns_resources_and_is_refused_for_deleted_client(world: World) -> None:
    client = await world.client(consent="required", resources=[ORDERS, NOTES])
    request_id = asked(await world.ask(client, FRESH, resource=BOTH), Step.CONSENT)
    assert (await world.describe(request_id, browser_secret=BROWSER)).resources == (ORDERS, NOTES)
    await world.back(request_id, FRESH, allow=True)
    assert [row["resource"] for row in await world.rows("resource_consents")] == [ORDERS, NOTES]
    await world.delete_client(client.client_id)
    assert await world.rows("resource_consents") == []


@pytest.mark.s(24, 56)
async def test_a_yes_that_is_taken_back_is_taken_back_for_each_resource(world: World) -> None:
    client = await world.client(consent="required", resources=[ORDERS, NOTES])
    request_id = asked(await world.ask(client, FRESH, resource=BOTH), Step.CONSENT)
    await world.back(request_id, FRESH, allow=True)
    ((_, allowed),) = await world.list_connections(ALICE)
    assert set(allowed.resources) == {ORDERS, NOTES}
    await world.withdraw_consent(ALICE, client.client_id)
    for resource in (ORDERS, NOTES, BOTH):
        asked(await world.ask(client, FRESH, resource=resource), Step.CONSENT)


async def test_consent_costs_no_more_reads_with_resources(world: World) -> None:
    client = await world.client(consent="required", resources=[ORDERS, NOTES])
    for resource in (None, BOTH):
        request_id = asked(await world.ask(client, FRESH, resource=resource), Step.CONSENT)
        await world.back(request_id, FRESH, allow=True)
    counts = []
    for resource in (None, BOTH):
        with statements(world.database) as sql:
            sent(await world.ask(client, FRESH, resource=resource))
        counts.append(len(sql))
    assert counts[0] == counts[1]


@pytest.mark.s(32)
async def test_a_resource_server_sees_tokens_for_what_it_serves_and_no_others(world: World, client: Registered) -> None:
    api, default = await world.machine(served_resources=[ORDERS]), await world.machine(served_resources=[ISSUER])

    async def seen(caller: Registered, token: str) -> Any:
        return await world.introspect_token(caller.credentials, Parameters({"token": token}))

    tokens = await world.tokens(client, scope="openid notes", resource=BOTH)
    answer = await seen(api, tokens["access_token"])
    assert (answer["active"], answer["aud"]) == (True, [ORDERS, NOTES])
    assert await seen(api, tokens["refresh_token"]) == {"active": False}
    assert await seen(default, tokens["access_token"]) == {"active": False}
    for resource in (NOTES, None):
        others = await world.tokens(client, scope="notes", resource=resource)
        assert await seen(api, others["access_token"]) == {"active": False}
    assert (await seen(default, others["access_token"]))["aud"] == ISSUER
    everything = await world.machine(introspection="all")
    assert (await seen(everything, tokens["access_token"]))["active"]
    assert await seen(everything, tokens["refresh_token"]) == {"active": False}


async def test_over_http_it_may_be_repeated_and_a_wrong_one_is_a_400(world: World) -> None:
    machine = await world.machine(resources=[ORDERS, NOTES])
    grant = [("grant_type", "client_credentials")]
    async with edge_of(world) as edge:
        answer = await post(edge, "/token", [*grant, ("resource", ORDERS), ("resource", NOTES)], client=machine)
        assert audience(await answer.json()) == [ORDERS, NOTES]
        for resource in (OTHER, "orders", f"{ORDERS}#a", BOTH):
            refusing = await post(edge, "/token", [*grant, ("resource", resource)], client=machine)
            assert await refusal(refusing) == (400, "invalid_target")
        twice = await post(edge, "/token", [*grant, ("scope", "notes"), ("scope", "notes")], client=machine)
        assert await refusal(twice) == (400, "invalid_request")

"""Request objects (OpenID Connect Core 6, RFC 9101): signed by the client, or unsigned where that is registered."""

import base64
import json
from typing import Any

import pytest

from libs.oauth.errors import InvalidRequest, OAuthError
from libs.oauth.parameters import Parameters
from services.token.domain.authorization.interaction import Step
from services.token.domain.authorization.pushed_requests import URI_PREFIX
from tests.storage.token.test_private_key_jwt import jwks_of
from tests.storage.token.world import BROWSER, Registered, World, asked, sent
from tests.unit.token.parts import (
    CHALLENGE,
    ISSUER,
    MINUTE,
    NOON,
    REDIRECT_URI,
    SECOND,
    a_session,
    signed_by,
    signing_key,
)

REQUEST_URI = "https://client.example/request.jwt#0123456789abcdef"
INSIDE = {
    "response_type": "code",
    "redirect_uri": REDIRECT_URI,
    "scope": "openid notes",
    "state": "inner",
    "nonce": "inner",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


async def a_signing_client(world: World, **members: Any) -> Registered:
    return await world.client(jwks=jwks_of(signing_key("RS256"), named=False), **members)


def unsigned(claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    parts = [json.dumps(part).encode() for part in (header or {"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def signed(client: Registered, key: Any = None, *, typ: str = "oauth-authz-req+jwt", **changes: Any) -> str:
    claims = {"iss": client.client_id, "aud": ISSUER, "client_id": client.client_id, **INSIDE, **changes}
    return signed_by(key or signing_key("RS256"), {name: v for name, v in claims.items() if v is not None}, typ=typ)


async def answered(world: World, client: Registered, **outer: str) -> dict[str, str]:
    pairs = [("client_id", client.client_id), *outer.items()]
    return sent(await world.authorize(pairs, browser_secret=BROWSER, session=a_session(), defer=False))


@pytest.mark.parametrize("typ", ["JWT", "oauth-authz-req+jwt", "OAuth-AuthZ-Req+JWT"])
async def test_what_is_inside_counts_and_what_only_the_query_says_as_well(world: World, typ: str) -> None:
    client = await a_signing_client(world)
    answer = await answered(
        world, client, request=signed(client, typ=typ, nonce=None), state="outer", nonce="outer", response_type="code"
    )
    assert answer["state"] == "inner"
    tokens = await world.exchange(client, answer["code"])
    assert '"nonce":"outer"' in _payload(tokens["id_token"])


def _payload(token: str) -> str:
    return base64.urlsafe_b64decode(token.split(".")[1] + "==").decode()


async def test_numbers_and_objects_inside_are_parameters_too(world: World) -> None:
    client = await a_signing_client(world, scope="openid profile email")
    request = signed(client, scope="openid", max_age=10_000, claims={"userinfo": {"email": {"essential": True}}})
    tokens = await world.exchange(client, (await answered(world, client, request=request))["code"])
    assert (await world.get_userinfo(tokens["access_token"]))["email"] == "alice@example.com"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "c_other"}, "REQUEST_OBJECT_CLIENT"),
        ({"client_id": "c_other"}, "REQUEST_OBJECT_CLIENT"),
        ({"aud": "https://elsewhere.example"}, "REQUEST_OBJECT_AUDIENCE"),
        ({"exp": int((NOON - MINUTE).timestamp())}, "REQUEST_OBJECT_EXPIRED"),
        ({"exp": "soon"}, "REQUEST_OBJECT_EXPIRED"),
        ({"nbf": int((NOON + MINUTE + SECOND).timestamp())}, "REQUEST_OBJECT_NOT_YET_VALID"),
        ({"request": "x"}, "REQUEST_OBJECT_NESTED"),
        ({"request_uri": "x"}, "REQUEST_OBJECT_NESTED"),
        ({"response_type": "token"}, "REQUEST_OBJECT_RESPONSE_TYPE"),
        ({"state": True}, "REQUEST_OBJECT_MEMBER_TYPE"),
        ({"state": 1.5}, "REQUEST_OBJECT_MEMBER_TYPE"),
        ({"state": "a\0b"}, "REQUEST_OBJECT_MEMBER_CHARACTER"),
    ],
)
async def test_an_object_that_says_something_else_is_refused(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    client = await a_signing_client(world)
    parameters = Parameters({"response_type": "code", "request": signed(client, **changes)})
    found = await world.clients.find(client.client_id)
    assert found is not None
    with pytest.raises(OAuthError) as refusal:
        await world.read_request_object(parameters, found, now=world.clock.now())
    assert (refusal.value.error, refusal.value.reason) == ("invalid_request_object", reason)


@pytest.mark.s(29)
async def test_only_the_clients_own_signature_counts(world: World) -> None:
    client = await a_signing_client(world)
    forgeries = [
        signed(client, signing_key("RS256", 1)),
        signed(client, signing_key("ES256")),
        signed(client)[:-8] + "AAAAAAAA",
        signed(client, typ="at+jwt"),
        unsigned({**INSIDE, "client_id": client.client_id}),
        unsigned({**INSIDE}, {"alg": "none", "typ": "JWT"}) + "x",
        "not a jwt",
    ]
    for request in forgeries:
        answer = await answered(world, client, request=request, redirect_uri=REDIRECT_URI, response_type="code")
        assert answer["error"] == "invalid_request_object"
    assert await world.rows("codes") == []


@pytest.mark.s(29)
async def test_unsigned_ones_are_for_who_registered_it_and_signed_ones_then_are_not(world: World) -> None:
    client = await a_signing_client(world, request_object_signing_alg="none")
    answer = await answered(world, client, request=unsigned(INSIDE), response_type="code")
    assert answer["state"] == "inner"
    for request in (signed(client), unsigned(INSIDE) + "c2ln", unsigned(INSIDE, {"alg": "HS256"})):
        answer = await answered(world, client, request=request, redirect_uri=REDIRECT_URI, response_type="code")
        assert answer["error"] == "invalid_request_object"


async def test_the_registered_algorithm_is_the_only_one(world: World) -> None:
    client = await a_signing_client(world, request_object_signing_alg="ES256")
    answer = await answered(world, client, request=signed(client), redirect_uri=REDIRECT_URI, response_type="code")
    assert answer["error"] == "invalid_request_object"


@pytest.mark.s(4)
async def test_the_address_inside_wins_and_without_a_good_one_there_is_a_page(world: World) -> None:
    """Conformance: oidcc-ensure-request-object-with-redirect-uri."""
    client = await a_signing_client(world)
    outer = {"redirect_uri": REDIRECT_URI + "_invalid", "response_type": "code", "scope": "openid"}
    assert (await answered(world, client, request=signed(client), **outer))["code"]
    for request in (signed(client, redirect_uri="https://evil.example/"), "broken"):
        with pytest.raises(InvalidRequest) as refusal:
            await answered(world, client, request=request, **outer)
        assert not refusal.value.redirectable


@pytest.mark.conformance("oidcc-request-uri-signed-rs256")
@pytest.mark.s(43)
async def test_by_reference_it_is_fetched_when_it_is_needed_and_from_registered_places_only(world: World) -> None:
    client = await a_signing_client(world, request_uris=[REQUEST_URI])
    outer = {"redirect_uri": REDIRECT_URI, "response_type": "code"}
    assert world.outside.fetched == []
    assert (await answered(world, client, request_uri=REQUEST_URI, **outer))["error"] == "invalid_request_uri"
    for strange in (REQUEST_URI.partition("#")[0], REQUEST_URI + "0", "https://169.254.169.254/", "file:///etc/passwd"):
        assert (await answered(world, client, request_uri=strange, **outer))["error"] == "invalid_request_uri"
    assert world.outside.fetched == [REQUEST_URI]

    world.outside.documents[REQUEST_URI] = signed(client).encode()
    assert (await answered(world, client, request_uri=REQUEST_URI, **outer))["state"] == "inner"
    world.outside.documents[REQUEST_URI] = b"\xff\xfe"
    assert (await answered(world, client, request_uri=REQUEST_URI, **outer))["error"] == "invalid_request_uri"
    both = {"request": signed(client), "request_uri": REQUEST_URI}
    assert (await answered(world, client, **both, **outer))["error"] == "invalid_request"


async def test_pending_request_contains_parameters_of_request_object(world: World) -> None:
    client = await a_signing_client(world)
    pairs = [("client_id", client.client_id), ("request", signed(client))]
    waiting = await world.authorize(pairs, browser_secret=BROWSER, session=None, defer=False)
    assert sent(await world.back(asked(waiting, Step.SIGN_IN), a_session()))["state"] == "inner"


async def test_it_may_be_pushed(world: World) -> None:
    client = await a_signing_client(world)
    pushed = await world.push(client.credentials, Parameters({"request": signed(client)}))
    answer = await answered(world, client, request_uri=pushed["request_uri"])
    assert pushed["request_uri"].startswith(URI_PREFIX)
    assert answer["state"] == "inner"
    with pytest.raises(OAuthError) as refusal:
        await world.push(client.credentials, Parameters({"request": signed(client, signing_key("RS256", 1))}))
    assert refusal.value.error == "invalid_request_object"


@pytest.mark.parametrize("missing", ["exp", "aud"])
async def test_strict_client_jwts_need_exp_and_aud_in_request_objects(world: World, missing: str) -> None:
    client = await a_signing_client(world, strict_client_jwts=True)
    whole: dict[str, Any] = {"exp": int((NOON + MINUTE).timestamp()), "aud": ISSUER}
    assert "code" in await answered(world, client, request=signed(client, **whole), redirect_uri=REDIRECT_URI)
    answer = await answered(
        world, client, request=signed(client, **{**whole, missing: None}), redirect_uri=REDIRECT_URI
    )
    assert answer["error"] == "invalid_request_object"
    assert f"{missing} is missing" in answer["error_description"]

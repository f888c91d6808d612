"""POST /register, and what a client does at its registration_client_uri: requests and answers, byte by byte."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from libs.oauth.registration import CLIENTS_MEMBERS, RegistrationPolicy
from libs.servicekit.base.metrics import OAUTH_ERRORS
from services.token.rpc.clients import metadata_of, to_client
from tests.storage.token.edge import EDGE_URL, Edge, edge_of, post, refusal, serving
from tests.storage.token.world import Registered, World
from tests.unit.token.parts import NOON, REDIRECT_URI

MEMBERS: dict[str, Any] = {"redirect_uris": [REDIRECT_URI]}
A_KEY = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"} | {
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"  # RFC 7515 A.3
}
SUITES: dict[str, Any] = {
    "client_name": "oidcc-server 7pNc",
    "grant_types": ["authorization_code", "implicit", "refresh_token"],
    "response_types": ["code id_token token"],
    "redirect_uris": ["https://localhost.emobix.co.uk:8443/test/a/x/callback", "https://example.org/redirect"],
    "token_endpoint_auth_method": "client_secret_post",
    "contacts": ["certification@oidf.org"],
    "initiate_login_uri": "https://localhost.emobix.co.uk:8443/test/a/x/initiate_login",
    "logo_uri": "https://localhost.emobix.co.uk:8443/images/openid.png",
    "policy_uri": "https://localhost.emobix.co.uk:8443/login.html",
    "tos_uri": "https://openid.net",
    "id_token_signed_response_alg": "RS256",
    "request_uris": ["https://localhost.emobix.co.uk:8443/test/a/x/requesturi#0123"],
    "post_logout_redirect_uris": ["https://localhost.emobix.co.uk:8443/test/a/x/post_logout_redirect"],
    "backchannel_logout_uri": "https://localhost.emobix.co.uk:8443/test/a/x/backchannel_logout",
    "backchannel_logout_session_required": True,
}
"""What the conformance suite of the OpenID Foundation sends, all in one."""


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Edge]:
    """Open, so that a test need not fetch a token."""
    async with serving(
        registrations=world.registrations("open", overall=10**6, per_address=10**6), token=world.issue_tokens
    ) as edge:
        yield edge


async def register(edge: Edge, members: Any = MEMBERS, *, token: str | None = None, **more: Any) -> ClientResponse:
    body = members if isinstance(members, bytes) else json.dumps({**members, **more}).encode()
    return await edge.post("/register", data=body, headers={"Content-Type": "application/json", **bearer(token)})


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def at(made: dict[str, Any]) -> str:
    uri: str = made["registration_client_uri"]
    assert uri.startswith(f"{EDGE_URL}/register/")
    return uri.removeprefix(EDGE_URL)


async def registered(edge: Edge, **members: Any) -> dict[str, Any]:
    response = await register(edge, **members)
    assert response.status == 201, await response.text()
    made: dict[str, Any] = await response.json()
    return made


def without_secrets(made: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in made.items() if not name.startswith("client_secret")}


async def test_a_registration_is_answered_with_all_that_was_registered(edge: Edge) -> None:
    """RFC 7591 3.2.1."""
    response = await register(edge, SUITES)
    assert response.status == 201
    assert response.content_type == "application/json"
    assert (response.headers["Cache-Control"], response.headers["Access-Control-Allow-Origin"]) == ("no-store", "*")
    made = await response.json()
    assert {name: made.get(name) for name in SUITES} == SUITES
    assert made["client_id_issued_at"] == int(NOON.timestamp())
    assert made["client_secret_expires_at"] == 0
    assert len(made["client_secret"]) == len(made["registration_access_token"]) == 43
    assert at(made) == f"/register/{made['client_id']}"
    assert made["scope"] == "openid profile email address phone offline_access"
    assert not made["require_pkce"]
    assert None not in made.values()


@pytest.mark.s(57)
async def test_registration_ignores_and_omits_operator_metadata(world: World, edge: Edge) -> None:
    made = await registered(edge, consent="skip", introspection="all", client_id="mine", client_secret="mine")
    assert {"consent", "introspection"}.isdisjoint(made)
    assert "mine" not in made.values()
    client = await world.get_client(made["client_id"])
    assert (client.metadata.consent, client.metadata.introspection) == ("required", "own")


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
async def test_a_client_that_uses_no_secret_gets_none(edge: Edge, method: str) -> None:
    key = RSAKey.generate_key(2048).as_dict(private=False)
    jwk = {name: value for name, value in key.items() if name != "kid"} | {"use": "sig", "alg": "RS256"}
    made = await registered(edge, token_endpoint_auth_method=method, jwks={"keys": [jwk]})
    assert {"client_secret", "client_secret_expires_at"}.isdisjoint(made)
    assert made["jwks"] == {"keys": [jwk]}


@pytest.mark.s(57)
async def test_a_closed_server_says_so_before_it_reads_anything(world: World) -> None:
    token = await world.initial_token()
    async with serving(registrations=world.registrations("closed")) as edge:
        for body, headers in ((b"", {}), (json.dumps(MEMBERS).encode(), bearer(token))):
            assert await refusal(await edge.post("/register", data=body, headers=headers)) == (403, "access_denied")


@pytest.mark.s(57)
async def test_without_a_good_token_nothing_is_read_and_bearer_is_asked_for(world: World) -> None:
    async with edge_of(world) as edge:
        for headers in ({}, bearer("nonsense"), {"Authorization": "Basic bm9uZTpub25l"}, {"Authorization": "Bearer"}):
            response = await edge.post("/register", data=b"", headers=headers)
            assert await refusal(response) == (401, "invalid_token")
            assert response.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
        token = await world.initial_token()
        assert (await register(edge, token=token)).status == 201
        assert await refusal(await register(edge, token=token)) == (401, "invalid_token")


async def test_two_authorization_headers_are_refused(edge: Edge) -> None:
    headers = [("Authorization", "Bearer a"), ("Authorization", "Bearer b"), ("Content-Type", "application/json")]
    response = await edge.post("/register", data=b"{}", headers=headers)
    assert await refusal(response) == (400, "invalid_request")


@pytest.mark.s(3)
@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"redirect_uris": [f"{REDIRECT_URI}#foobar"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_client_metadata"),
        ({"initiate_login_uri": "http://client.example/start"}, "invalid_client_metadata"),
        ({"jwks_uri": "http://client.example/jwks.json"}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"scope": "openid printers"}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
        ({"client_name": "a\nb"}, "invalid_client_metadata"),
    ],
)
async def test_registration_error_names_the_invalid_metadata(
    world: World, edge: Edge, members: dict[str, Any], error: str
) -> None:
    assert await refusal(await register(edge, **members)) == (400, error)
    assert await world.rows("clients") == []


async def test_an_operator_may_forbid_tokens_through_the_browser(world: World) -> None:
    by = world.registrations("open", policy=RegistrationPolicy(front_channel=False))
    async with serving(registrations=by) as edge:
        assert await refusal(await register(edge, SUITES)) == (400, "invalid_client_metadata")


@pytest.mark.s(61)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{",
        b"\xff",
        b'{"redirect_uris": ["https://a.example/cb"], "redirect_uris": ["https://b.example/cb"]}',
        b'{"default_max_age": NaN}',
        b'{"default_max_age": 1e999}',
        b'{"client_name": "\\ud800"}',
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
async def test_a_body_that_is_not_one_json_object_is_refused(edge: Edge, body: bytes) -> None:
    assert await refusal(await register(edge, body)) == (400, "invalid_client_metadata")


@pytest.mark.s(61)
async def test_another_content_type_a_compressed_and_an_oversized_body_are_refused(edge: Edge) -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/jwt"):
        response = await edge.post("/register", data=b"{}", headers={"Content-Type": content_type})
        assert await refusal(response) == (400, "invalid_client_metadata")
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    assert await refusal(await edge.post("/register", data=b"{}", headers=headers)) == (400, "invalid_client_metadata")
    assert (await register(edge, client_name="x" * 64 * 1024)).status == 413


async def test_only_these_methods_are_there(edge: Edge) -> None:
    made = await registered(edge)
    assert (await edge.get("/register")).status == 405
    assert (await edge.post(at(made))).status == 405
    for path in (f"{at(made)}/x", f"{at(made)}%00", "/register/", f"/register/{'x' * 65}"):
        assert await refusal(await edge.get(path, headers=bearer("x"))) == (404, "invalid_request")
    preflight = await edge.options(at(made))
    assert preflight.status == 204
    assert set(preflight.headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "POST", "PUT", "DELETE"}


@pytest.mark.s(53)
async def test_a_client_reads_its_registration_but_never_its_secret_again(edge: Edge) -> None:
    """RFC 7592 2.1 and 3: the token is the one that was sent."""
    made = await registered(edge, initiate_login_uri=SUITES["initiate_login_uri"])
    response = await edge.get(at(made), headers=bearer(made["registration_access_token"]))
    assert (response.status, response.content_type) == (200, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert await response.json() == without_secrets(made)


async def test_a_change_replaces_everything(edge: Edge) -> None:
    """RFC 7592 2.2."""
    made = await registered(edge, client_uri="https://client.example", client_name="Old")
    body = {**without_secrets(made), "client_name": "New", "client_secret": made["client_secret"]}
    del body["client_uri"]
    response = await edge.put(at(made), json=body, headers=bearer(made["registration_access_token"]))
    assert response.status == 200
    user_allowed = {**without_secrets(made), "client_name": "New"}
    del user_allowed["client_uri"]
    assert await response.json() == user_allowed


@pytest.mark.s(57)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": None}, "invalid_client_metadata"),
        ({"client_id": "another"}, "invalid_client_metadata"),
        ({"client_secret": "chosen"}, "invalid_client_metadata"),
        ({"client_secret": 7}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"grant_types": ["authorization_code", "client_credentials"]}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://client.example/cb"]}, "invalid_redirect_uri"),
    ],
)
async def test_invalid_change_does_not_change_registration(edge: Edge, changes: dict[str, Any], error: str) -> None:
    made = await registered(edge)
    token = bearer(made["registration_access_token"])
    body = {**MEMBERS, "client_id": made["client_id"], "client_name": "New", **changes}
    assert await refusal(await edge.put(at(made), json=body, headers=token)) == (400, error)
    assert await (await edge.get(at(made), headers=token)).json() == without_secrets(made)


async def test_a_public_client_that_comes_to_use_a_secret_gets_it_then(edge: Edge) -> None:
    made = await registered(edge, token_endpoint_auth_method="none")
    token = bearer(made["registration_access_token"])
    body = {**MEMBERS, "client_id": made["client_id"], "token_endpoint_auth_method": "client_secret_basic"}
    changed = await (await edge.put(at(made), json=body, headers=token)).json()
    assert (len(changed["client_secret"]), changed["client_secret_expires_at"]) == (43, 0)
    again = await (await edge.put(at(made), json=body, headers=token)).json()
    assert "client_secret" not in again


async def test_a_deleted_client_is_gone_and_its_token_with_it(edge: Edge) -> None:
    """RFC 7592 2.3."""
    made = await registered(edge)
    token = bearer(made["registration_access_token"])
    response = await edge.delete(at(made), headers=token)
    assert (response.status, await response.read()) == (204, b"")
    body = {**MEMBERS, "client_id": made["client_id"]}
    for response in (
        await edge.get(at(made), headers=token),
        await edge.put(at(made), json=body, headers=token),
        await edge.delete(at(made), headers=token),
    ):
        assert await refusal(response) == (401, "invalid_token")
    credentials = Registered(made["client_id"], made["client_secret"])
    response = await post(edge, "/token", {"grant_type": "authorization_code", "code": "x"}, client=credentials)
    assert await refusal(response) == (401, "invalid_client")


@pytest.mark.s(57)
async def test_a_wrong_token_is_refused_alike_wherever_it_is_tried(edge: Edge) -> None:
    mine, theirs = await registered(edge), await registered(edge)
    answers = []
    for path in (at(mine), "/register/unknown"):
        for headers in ({}, bearer(theirs["registration_access_token"]), bearer(mine["client_secret"])):
            response = await edge.get(path, headers=headers)
            assert await refusal(response) == (401, "invalid_token")
            answers.append((await response.text(), response.headers["WWW-Authenticate"]))
    assert len(set(answers)) == 1


async def test_refusals_are_counted_by_endpoint_and_not_by_whatever_is_in_the_url(edge: Edge) -> None:
    def counted() -> set[str]:
        [metric] = OAUTH_ERRORS.collect()
        return {sample.labels["endpoint"] for sample in metric.samples}

    await edge.get("/register/c_unknown", headers=bearer("x"))
    assert "/register/{client_id}" in counted()
    assert not any("c_unknown" in endpoint for endpoint in counted())


_TEXTS = st.sampled_from(
    [
        *[
            "authorization_code",
            "implicit",
            "refresh_token",
            "code",
            "id_token token",
            "none",
            "private_key_jwt",
            "web",
        ],
        *[REDIRECT_URI, "https://x.example", "http://127.0.0.1:1/cb", "a.b:/c", "https://[::1", "//", "\0", "\u202e"],
        *["openid email", "RS256", "ES256", "RSA", "EC", "AQAB", "P-256", "sig"],
    ]
) | st.text(max_size=30)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["keys", "kty", "n", "e", "crv", "x", "y", "kid", "x5c"]) | _TEXTS, inner)
    ),
    max_leaves=8,
)
_KEYS = st.fixed_dictionaries({"keys": st.lists(st.dictionaries(_TEXTS, _VALUES) | st.just(A_KEY), max_size=2)})


@pytest.mark.s(61)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.dictionaries(st.sampled_from(sorted(CLIENTS_MEMBERS)) | _TEXTS, _VALUES, max_size=5),
    keys=st.none() | _KEYS,
)
async def test_registered_metadata_is_readable_by_operator_for_any_input(
    world: World, edge: Edge, members: dict[str, Any], keys: dict[str, Any] | None
) -> None:
    """No input causes a server error, and each registered client can be returned over gRPC."""
    response = await register(edge, {**MEMBERS, "jwks": keys, **members})
    if response.status != 201:
        assert (await refusal(response))[0] == 400
        return
    made = await response.json()
    client = to_client(await world.get_client(made["client_id"]))
    assert metadata_of(type(client).FromString(client.SerializeToString()).metadata)
    body = {**without_secrets(made), "client_name": "New"}
    changed = await edge.put(at(made), json=body, headers=bearer(made["registration_access_token"]))
    assert changed.status == 200, await changed.text()
    assert (await edge.delete(at(made), headers=bearer(made["registration_access_token"]))).status == 204

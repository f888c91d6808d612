"""Discovery documents and the key set."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from latchkey.events.v1 import events_pb2
from latchkey.keys.v1.keys_pb2 import ListVerificationKeysResponse, VerificationKey
from libs.crypto.jwt import SigningKey
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.events.event import Actor, Event, envelope
from services.authorize_frontend.http.metadata.discovery import metadata
from services.authorize_frontend.site import Site

DISCOVERY = "/.well-known/openid-configuration"
METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]


@pytest.fixture(scope="module")
def signing_keys() -> list[SigningKey]:
    return [SigningKey.generate("ES256"), SigningKey.generate("RS256")]


def listed(*keys: SigningKey) -> ListVerificationKeysResponse:
    return ListVerificationKeysResponse(
        keys=[VerificationKey(kid=key.kid, alg=key.alg, jwk=json.dumps(key.public_jwk())) for key in keys]
    )


@pytest.mark.s(15)
def test_discovery_document_has_exactly_these_members():
    site = Site(issuer="https://id.example", client_edge="https://token.example/", brand="x")
    assert metadata(site) == {
        "issuer": "https://id.example",
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://token.example/token",
        "pushed_authorization_request_endpoint": "https://token.example/par",
        "device_authorization_endpoint": "https://token.example/device_authorization",
        "introspection_endpoint": "https://token.example/introspect",
        "revocation_endpoint": "https://token.example/revoke",
        "userinfo_endpoint": "https://token.example/userinfo",
        "jwks_uri": "https://id.example/jwks",
        "end_session_endpoint": "https://id.example/logout",
        "check_session_iframe": "https://id.example/check-session",
        "ui_locales_supported": ["en", "de", "es"],
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "claims_supported": [
            *["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"],
            *["name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile"],
            *["picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"],
            *["email", "email_verified", "address", "phone_number", "phone_number_verified"],
        ],
        "response_types_supported": [
            *["code", "id_token", "token", "id_token token"],
            *["code id_token", "code token", "code id_token token"],
        ],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": [
            *["authorization_code", "implicit", "refresh_token", "client_credentials"],
            *["urn:ietf:params:oauth:grant-type:device_code", "password"],
        ],
        "acr_values_supported": ["urn:latchkey:acr:password", "urn:latchkey:acr:mfa"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
        "introspection_endpoint_auth_methods_supported": METHODS[:-1],
        "introspection_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
        "introspection_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_signing_alg_values_supported": ["RS256", "ES256"],
        "revocation_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "require_pushed_authorization_requests": False,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": ["RS256", "ES256"],
    }


@pytest.mark.s(57)
def test_discovery_has_registration_endpoint_only_when_registration_is_on():
    closed = Site(issuer="https://id.example", client_edge="https://token.example/", brand="x")
    endpoint = {"registration_endpoint": "https://token.example/register"}
    assert metadata(replace(closed, registration=True)) == {**metadata(closed), **endpoint}


@pytest.mark.parametrize(
    ("issuer", "base"),
    [("https://id.example", "https://id.example"), ("https://id.example/a/", "https://id.example/a")],
)
def test_discovery_repeats_the_issuer_exactly(issuer, base):
    document = metadata(Site(issuer=issuer, client_edge="https://t.example", brand="x"))
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{base}/jwks"


@pytest.mark.parametrize("path", [DISCOVERY, "/.well-known/oauth-authorization-server"])
@pytest.mark.s(58)
async def test_discovery_documents_are_json_with_cors(browser, path):
    page = await browser.get(path)
    document = json.loads(page.body)
    assert page.status == 200
    assert page.headers["Content-Type"] == "application/json"
    assert page.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in page.headers
    assert page.headers["Cache-Control"] == "public, max-age=300"
    assert document["issuer"] == "http://localhost:8080"
    assert document["token_endpoint"] == "http://localhost:8081/token"
    assert None not in document.values()


@pytest.mark.parametrize("issuer", ["https://id.example/realms/one"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/realms/one/.well-known/openid-configuration", 200),
        ("/.well-known/oauth-authorization-server/realms/one", 200),
        ("/realms/one/.well-known/oauth-authorization-server", 200),
        (DISCOVERY, 404),
    ],
)
async def test_discovery_of_an_issuer_with_path_is_at_both_well_known_paths(browser, path, status):
    assert (await browser.get(path)).status == status


@pytest.mark.s(58)
@pytest.mark.parametrize("path", ["/authorize", "/sign-in", "/consent", "/logout", "/"])
async def test_pages_have_no_cors_headers(browser, path):
    page = await browser.get(path, Origin="https://evil.example")
    assert not [name for name in page.headers if name.startswith("Access-Control")]
    preflight = await browser.request("OPTIONS", path, headers={"Origin": "https://evil.example"})
    assert preflight.status == 405
    assert not [name for name in preflight.headers if name.startswith("Access-Control")]


async def test_preflight_allows_any_header_for_documents(browser):
    for path in (DISCOVERY, "/jwks"):
        preflight = await browser.request("OPTIONS", path, headers={"Origin": "https://spa.example"})
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"


async def test_discovery_is_revalidated_by_etag(browser):
    tag = (await browser.get(DISCOVERY)).headers["ETag"]
    again = await browser.get(DISCOVERY, If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == tag
    assert again.headers["Access-Control-Allow-Origin"] == "*"


async def test_key_set_is_503_before_the_first_load(browser):
    page = await browser.get("/jwks")
    assert page.status == 503
    assert int(page.headers["Retry-After"]) > 0
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.s(30)
async def test_key_set_has_the_keys_of_key_rotation(browser, services, running, signing_keys):
    services.key_rotation.says["ListVerificationKeys"] = listed(*signing_keys)
    await running.keys.refresh()
    page = await browser.get("/jwks")
    assert page.status == 200
    assert page.headers["Content-Type"] == "application/json"
    assert page.headers["Cache-Control"] == "public, max-age=300"
    assert page.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(page.body) == {"keys": [key.public_jwk() for key in signing_keys]}


@pytest.mark.s(30)
async def test_key_set_leaves_out_private_and_symmetric_keys(browser, services, running, signing_keys):
    good = signing_keys[0]
    private = json.dumps(good.public_jwk() | {"d": "c2VjcmV0"})
    symmetric = json.dumps({"kty": "oct", "k": "c2VjcmV0", "kid": "k"})
    bad = [VerificationKey(kid="bad", alg="ES256", jwk=jwk) for jwk in (private, symmetric, "no json", "[]")]
    services.key_rotation.says["ListVerificationKeys"] = ListVerificationKeysResponse(keys=[*bad, *listed(good).keys])
    await running.keys.refresh()
    page = await browser.get("/jwks")
    assert json.loads(page.body) == {"keys": [good.public_jwk()]}


async def test_key_set_is_revalidated_by_etag(browser, services, running, signing_keys):
    services.key_rotation.says["ListVerificationKeys"] = listed(signing_keys[0])
    await running.keys.refresh()
    tag = (await browser.get("/jwks")).headers["ETag"]
    assert (await browser.get("/jwks", If_None_Match=f'"other", {tag}')).status == 304
    services.key_rotation.says["ListVerificationKeys"] = listed(*signing_keys)
    await running.keys.refresh()
    assert (await browser.get("/jwks", If_None_Match=tag)).status == 200


async def test_key_set_request_makes_no_call(browser, services, running, signing_keys):
    services.key_rotation.says["ListVerificationKeys"] = listed(*signing_keys)
    await running.keys.refresh()
    for _ in range(5):
        await browser.get("/jwks")
    assert services.key_rotation.names() == ["ListVerificationKeys"]


@pytest.mark.parametrize("then", [TemporarilyUnavailable(reason=Reason.INTERNAL), ListVerificationKeysResponse()])
async def test_key_set_is_kept_when_key_rotation_fails_or_lists_no_keys(browser, services, running, signing_keys, then):
    services.key_rotation.says["ListVerificationKeys"] = listed(signing_keys[0])
    await running.keys.refresh()
    services.key_rotation.says["ListVerificationKeys"] = then
    with contextlib.suppress(TemporarilyUnavailable):
        await running.keys.refresh()
    assert (await browser.get("/jwks")).status == 200


async def test_key_set_max_age_is_that_of_key_rotation(browser, services, running, signing_keys):
    answer = listed(*signing_keys)
    answer.cacheable_for.FromSeconds(77)
    services.key_rotation.says["ListVerificationKeys"] = answer
    await running.keys.refresh()
    assert (await browser.get("/jwks")).headers["Cache-Control"] == "public, max-age=77"
    assert (await browser.get(DISCOVERY)).headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("seconds", [60, -60], ids=["later", "by a clock that went back"])
async def test_key_set_is_503_when_it_is_too_old(browser, services, running, signing_keys, seconds):
    answer = listed(*signing_keys)
    answer.valid_for.FromSeconds(60)
    services.key_rotation.says["ListVerificationKeys"] = answer
    await running.keys.refresh()
    running.clock.move(timedelta(seconds=seconds))
    assert (await browser.get("/jwks")).status == 200
    running.clock.move(timedelta(seconds=seconds / 60))
    page = await browser.get("/jwks")
    assert (page.status, page.headers["Cache-Control"]) == (503, "no-store")
    check = await running.keys.check()
    assert (check.ok, check.required) == (False, False)
    await running.keys.refresh()
    assert (await browser.get("/jwks")).status == 200


async def test_key_set_of_older_key_rotation_is_valid_for_15_minutes(browser, services, running, signing_keys):
    services.key_rotation.says["ListVerificationKeys"] = listed(*signing_keys)
    await running.keys.refresh()
    running.clock.move(timedelta(minutes=15))
    assert (await browser.get("/jwks")).status == 200
    running.clock.move(timedelta(seconds=1))
    assert (await browser.get("/jwks")).status == 503


@pytest.mark.s(70)
async def test_key_set_drops_a_key_on_its_revocation_event(browser, services, running, signing_keys):
    gone, stays = signing_keys[0], signing_keys[1]
    services.key_rotation.says["ListVerificationKeys"] = listed(gone, stays)
    await running.keys.refresh()
    await running.keys.on_event(_event(events_pb2.KeyRevoked(kid=gone.kid)))
    assert json.loads((await browser.get("/jwks")).body) == {"keys": [stays.public_jwk()]}
    await running.keys.refresh()  # an answer from before, which was on its way
    assert json.loads((await browser.get("/jwks")).body) == {"keys": [stays.public_jwk()]}


def _event(data) -> bytes:
    event = Event(data, data.kid, Actor("system"))
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return envelope(event, event_id="1", issuer="https://id", time=moment, sequence=1, traceparent="").encode()


async def test_key_event_refreshes_the_key_set_at_once(services, running, signing_keys):
    services.key_rotation.says["ListVerificationKeys"] = listed(signing_keys[0])
    task = asyncio.create_task(running.keys.run())
    try:
        await _eventually(lambda: len(services.key_rotation.calls) == 1)
        await running.keys.on_event(_event(events_pb2.KeyActivated(kid=signing_keys[0].kid)))
        await _eventually(lambda: len(services.key_rotation.calls) == 2)
    finally:
        task.cancel()


async def test_failed_key_refresh_is_retried_until_ready(services, running, signing_keys, monkeypatch):
    monkeypatch.setattr("services.authorize_frontend.published_keys.FIRST_LOAD_SECONDS", 0.01)
    services.key_rotation.says["ListVerificationKeys"] = TemporarilyUnavailable(reason=Reason.INTERNAL)
    task = asyncio.create_task(running.keys.run())
    try:
        await _eventually(lambda: len(services.key_rotation.calls) >= 2)
        assert not (await running.keys.check()).ok
        services.key_rotation.says["ListVerificationKeys"] = listed(signing_keys[0])
        await _eventually(lambda: running.keys.document is not None)
        assert (await running.keys.check()).ok
    finally:
        task.cancel()


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the fakes know nothing of events
            await asyncio.sleep(0)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
async def test_discovery_tolerates_a_second_slash(browser, slash, name):
    """Programs append the path to an issuer that they write with a trailing slash."""
    answer = await browser.get(f"{slash}/.well-known/{name}")
    assert answer.status == 200
    assert json.loads(answer.body)["issuer"] == "http://localhost:8080"


@pytest.mark.parametrize("path", ["/.well-known/change-password", "//.well-known/change-password"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_change_password_leads_to_the_page(browser, path, method):
    answer = await browser.request(method, path)
    assert (answer.status, answer.location) == (303, "/account/password")


async def test_unknown_well_known_path_is_not_found(browser):
    """W3C: password managers probe whether the server returns 200 for every path."""
    path = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert (await browser.get(path)).status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_favicon_is_the_icon_of_the_pages(browser, method):
    answer = await browser.request(method, "/favicon.ico")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert "max-age" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("issuer", ["http://localhost:8080/id"])
async def test_well_known_paths_are_under_the_path_of_the_issuer(browser):
    for path in ("/id/.well-known/openid-configuration", "/id//.well-known/openid-configuration"):
        assert (await browser.get(path)).status == 200
    for path in ("/.well-known/change-password", "/id/.well-known/change-password"):
        assert (await browser.get(path)).location == "/id/account/password"
    assert (await browser.get("/favicon.ico")).status == 200


async def test_every_get_resource_answers_head(running):
    """RFC 9110 9.1: GET and HEAD are required of every server."""
    found = {(route.method, resource.canonical) for resource in running.app.router.resources() for route in resource}
    paths = {path for method, path in found if method == "GET"}
    assert {path for path in paths if ("HEAD", path) not in found} == set()
    assert {"/authorize", "/logout", "/jwks", "/account"} <= paths

"""Dynamic client registration (RFC 7591, RFC 7592) against a running system, with the requests of the conformance suite."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import RSAKey

from tests.flows.initial_tokens import initial_token
from tests.flows.relying_party import RelyingParty, Started, code_form, verified
from tests.support.browser import Browser
from tests.support.latchkey import latchkey
from tests.support.stack import Stack, running_stack

CALLBACK = "https://client.example/test/a/latchkey/callback"
MEMBERS: dict[str, Any] = {"client_name": "oidcc-server 7pNc", "redirect_uris": [CALLBACK], "contacts": ["a@b.example"]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Registrar:
    """Registers clients at the registration endpoint of the discovery document."""

    def __init__(self, system: Stack, http: httpx2.AsyncClient, endpoint: str) -> None:
        self.system = system
        self.http = http
        self.endpoint = endpoint

    async def post(self, initial_token: str, **members: Any) -> httpx2.Response:
        return await self.http.post(self.endpoint, json={**MEMBERS, **members}, headers=bearer(initial_token))

    async def registered(self, **members: Any) -> dict[str, Any]:
        answer = await self.post(await initial_token(self.system), **members)
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store"), answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=20) as client:
        yield client


@pytest.fixture
async def registrar(system: Stack, http: httpx2.AsyncClient) -> Registrar:
    metadata = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
    return Registrar(system, http, metadata["registration_endpoint"])


def relying_party(system: Stack, made: dict[str, Any]) -> RelyingParty:
    return RelyingParty(
        system,
        client_id=made["client_id"],
        client_secret=made.get("client_secret"),
        redirect_uri=made["redirect_uris"][0],
    )


def without_pkce(started: Started, **changes: str) -> Started:
    url = httpx2.URL(started.url)
    for name in ("code_challenge", "code_challenge_method"):
        url = url.copy_remove_param(name)
    return Started(str(url.copy_merge_params(changes)), started.state, started.nonce, started.verifier)


@pytest.mark.conformance("oidcc-server", "oidcc-server-client-secret-post", "oidcc-prompt-none-logged-in")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_registered_client_signs_a_user_in_and_deletes_itself(
    system: Stack, browser: Browser, registrar: Registrar, method: str
) -> None:
    """As the suite: no PKCE, two authorization requests in one browser, and deletion of the client."""
    made = await registrar.registered(
        token_endpoint_auth_method=method,
        grant_types=["authorization_code", "refresh_token"],
    )
    async with relying_party(system, made) as client:
        client.oauth.token_endpoint_auth_method = method
        scope = "openid profile email address phone offline_access"
        started = without_pkce(client.start(scope=scope))
        assert (await browser.open(started.url)).name == "login"
        page = await browser.sign_in()
        assert (page.name, "registered itself" in page.text) == ("consent", True)
        page = await browser.submit("consent-allow")
        assert page.parameters["state"] == started.state
        tokens = await client.oauth.fetch_token(authorization_response=page.url)
        claims = await verified(system, tokens["id_token"], audience=made["client_id"], alg="RS256", typ="JWT")
        assert claims["nonce"] == started.nonce
        assert tokens["refresh_token"]
        assert (await client.userinfo(tokens["access_token"])).json()["email"] == "alice@example.com"

        again = without_pkce(client.start(scope=scope), prompt="none")
        silent = await browser.open(again.url)
        assert (silent.left, "code" in silent.parameters, silent.parameters["state"]) == (True, True, again.state)

        own = bearer(made["registration_access_token"])
        assert (await registrar.http.delete(made["registration_client_uri"], headers=own)).status_code == 204
        assert (await client.userinfo(tokens["access_token"])).status_code == 401
        assert (await registrar.http.get(made["registration_client_uri"], headers=own)).status_code == 401
        refused = await browser.open(without_pkce(client.start()).url)
        assert (refused.left, refused.error) == (False, "invalid_request")


@pytest.mark.conformance("oidcc-server")
async def test_private_key_jwt_with_a_key_without_kid_is_accepted(
    system: Stack, browser: Browser, registrar: Registrar
) -> None:
    key = RSAKey.generate_key(2048)
    jwk = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
    made = await registrar.registered(
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [{**jwk, "use": "sig", "alg": "RS256"}]},
    )
    assert "client_secret" not in made
    async with relying_party(system, made) as client:
        client.oauth.client_secret = key.as_pem(private=True).decode()
        client.oauth.token_endpoint_auth_method = PrivateKeyJWT(f"{system.client_edge}/token")
        started = without_pkce(client.start(scope="openid"))
        await browser.open(started.url)
        await browser.sign_in()
        page = await browser.submit("consent-allow")
        tokens = await client.oauth.fetch_token(authorization_response=page.url)
        assert await verified(system, tokens["id_token"], audience=made["client_id"], alg="RS256", typ="JWT")


@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "code id_token", "code id_token token"])
async def test_every_registered_response_type_works(
    system: Stack, browser: Browser, registrar: Registrar, response_type: str
) -> None:
    grants = ["implicit", *(["authorization_code"] if "code" in response_type else [])]
    made = await registrar.registered(grant_types=grants, response_types=[response_type])
    async with relying_party(system, made) as client:
        started = without_pkce(client.start(scope="openid"), response_type=response_type)
        await browser.open(started.url)
        await browser.sign_in()
        page = await browser.submit("consent-allow")
        for word, name in (("code", "code"), ("id_token", "id_token"), ("token", "access_token")):
            assert (name in page.parameters) == (word in response_type.split())
        assert (await client.token_request(grant_type="client_credentials")).json()["error"] == "unauthorized_client"


async def test_registered_public_client_requires_pkce_and_consent_every_time(
    system: Stack, browser: Browser, registrar: Registrar
) -> None:
    made = await registrar.registered(token_endpoint_auth_method="none")
    assert {"client_secret", "client_secret_expires_at"}.isdisjoint(made)
    async with relying_party(system, made) as client:
        refused = await browser.open(without_pkce(client.start()).url)
        assert refused.parameters["error"] == "invalid_request"
        await client.sign_in(browser, scope="openid")
        started = client.start(scope="openid")
        assert (await browser.open(started.url)).name == "consent"
        assert (await client.finish(started, await browser.submit("consent-allow")))["id_token"]
        silent = await browser.open(client.start(scope="openid", prompt="none").url)
        assert silent.parameters["error"] == "consent_required"


@pytest.mark.s(3)
@pytest.mark.conformance("oidcc-redirect-uri-regfrag", "oidcc-3rd_party-init-login-nohttps")
@pytest.mark.parametrize(
    ("members", "errors"),
    [
        ({"redirect_uris": [f"{CALLBACK}#foobar"]}, {"invalid_redirect_uri", "invalid_client_metadata"}),
        ({"initiate_login_uri": "http://client.example/initiate_login"}, {"invalid_client_metadata"}),
    ],
    ids=["oidcc-redirect-uri-regfrag", "oidcc-3rd_party-init-login-nohttps"],
)
async def test_forbidden_client_metadata_is_refused(
    system: Stack, registrar: Registrar, members: dict[str, Any], errors: set[str]
) -> None:
    token = await initial_token(system)
    answer = await registrar.post(token, **members)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert answer.json()["error"] in errors
    assert (await registrar.post(token)).status_code == 201  # the initial access token was not consumed


@pytest.mark.conformance("oidcc-3rd_party-init-login")
async def test_initiate_login_uri_is_returned_by_registration(system: Stack, registrar: Registrar) -> None:
    uri = "https://client.example/test/a/latchkey/initiate_login"
    made = await registrar.registered(initiate_login_uri=uri)
    assert made["initiate_login_uri"] == uri
    answer = await registrar.http.get(
        made["registration_client_uri"], headers=bearer(made["registration_access_token"])
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert answer.json()["initiate_login_uri"] == uri


@pytest.mark.conformance("oidcc-registration-logo-uri", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri")
@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("logo_uri", "https://client.example/images/openid.png"),  # fetched by this server
        ("policy_uri", "https://client.example/login.html"),
        ("tos_uri", "https://openid.net"),
    ],
)
async def test_sign_in_page_shows_client_name_logo_and_links(
    system: Stack, browser: Browser, registrar: Registrar, member: str, shown: str
) -> None:
    made = await registrar.registered(**{member: shown})
    async with relying_party(system, made) as client:
        page = await browser.open(without_pkce(client.start()).url)
        assert page.name == "login"
        expected = f"/logo/{made['client_id']}" if member == "logo_uri" else shown
        assert f'"{expected}"' in page.text


@pytest.mark.conformance(
    "oidcc-redirect-uri-query-OK",
    "oidcc-redirect-uri-query-mismatch",
    "oidcc-redirect-uri-query-added",
    "oidcc-ensure-redirect-uri-in-authorization-request",
)
async def test_redirect_uri_comparison_includes_the_query(
    system: Stack, browser: Browser, registrar: Registrar
) -> None:
    uris = [f"{CALLBACK}?bar=foo", "https://example.org/redirect"]
    made = await registrar.registered(redirect_uris=uris)
    async with relying_party(system, made) as client:
        url = httpx2.URL(without_pkce(client.start(scope="openid")).url)
        for redirect_uri in (f"{CALLBACK}?foo=bar", CALLBACK, "https://example.org/redirect?foo=bar", None):
            changed = url.copy_set_param("redirect_uri", redirect_uri or "")
            page = await browser.open(str(changed if redirect_uri else changed.copy_remove_param("redirect_uri")))
            assert (page.left, page.name) == (False, "error")
        await browser.open(str(url))
        await browser.sign_in()
        page = await browser.submit("consent-allow")
        assert page.url.startswith(f"{CALLBACK}?bar=foo&")
        form = code_form(page, client.start(), client)
        del form["code_verifier"]
        assert (await client.token_request(**form)).status_code == 200


@pytest.mark.s(43)
@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
async def test_jwks_uri_at_an_internal_address_is_not_fetched(system: Stack, registrar: Registrar, host: str) -> None:
    callers: list[object] = []
    async with await asyncio.start_server(lambda *ends: callers.append(ends), "127.0.0.1", 0) as server:
        address = f"https://{host}:{server.sockets[0].getsockname()[1]}/jwks"
        made = await registrar.registered(token_endpoint_auth_method="private_key_jwt", jwks_uri=address)
        async with relying_party(system, made) as client:
            client.oauth.client_secret = RSAKey.generate_key(2048).as_pem(private=True).decode()
            client.oauth.token_endpoint_auth_method = PrivateKeyJWT(f"{system.client_edge}/token")
            with pytest.raises(OAuthError) as refusal:
                await client.oauth.fetch_token(grant_type="authorization_code", code="x")
    assert refusal.value.error == "invalid_client"
    assert callers == []


@pytest.mark.s(57)
@pytest.mark.xdist_group("sqlite")
async def test_cli_creates_an_initial_access_token_for_registration(stack: Stack, http: httpx2.AsyncClient) -> None:
    created = await latchkey(stack, "client", "registration-token", "create", "--uses", "2", "--expires", "5m")
    headers = bearer(created["initial_access_token"])
    endpoint = f"{stack.client_edge}/register"
    made = (await http.post(endpoint, json=MEMBERS, headers=headers)).json()
    assert "registration_expires_at" in await latchkey(stack, "client", "show", made["client_id"])
    [listed] = [
        each
        for each in await latchkey(stack, "client", "registration-token", "list")
        if each["token_id"] == created["token_id"]
    ]
    assert listed["uses_left"] == 1
    await latchkey(stack, "client", "registration-token", "revoke", created["token_id"])
    assert (await http.post(endpoint, json=MEMBERS, headers=headers)).status_code == 401


@pytest.mark.s(57)
@pytest.mark.timeout(180)
async def test_registration_is_closed_or_open_by_setting(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    with running_stack(tmp_path / "closed", environment={"LATCHKEY_REGISTRATION": "closed"}, seeded=False) as system:
        metadata = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
        assert "registration_endpoint" not in metadata
        answer = await http.post(f"{system.client_edge}/register", json=MEMBERS)
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    with running_stack(tmp_path / "open", environment={"LATCHKEY_REGISTRATION": "open"}, seeded=False) as system:
        metadata = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
        assert (await http.post(metadata["registration_endpoint"], json=MEMBERS)).status_code == 201
        assert "registration.open" in system.log("token")

"""Every flow with openid-client, which checks more of each response than the standards require of clients."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.flows.databases import on_postgresql
from tests.flows.device import GRANT
from tests.flows.initial_tokens import initial_token
from tests.flows.openid_client import Driver, OpenidClient, Register, authorize, signed_in
from tests.flows.relying_party import verified
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql

AFTERWARDS = "https://client.example/signed-out"


def key_pair() -> tuple[dict[str, Any], dict[str, Any]]:
    """(private JWK, public JWK Set)"""
    key = ECKey.generate_key("P-256", {"kid": "mine", "alg": "ES256", "use": "sig"})
    return dict(key.as_dict(private=True)), {"keys": [key.as_dict(private=False)]}


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
async def test_openid_client_gets_tokens_by_authorization_code(
    browser: Browser, register: Register, method: str
) -> None:
    app = await register(token_endpoint_auth_method=method)
    tokens = await signed_in(browser, app)
    assert tokens["claims"]["nonce"] == app.remembered["expectedNonce"]
    assert (tokens["token_type"], tokens["scope"]) == ("bearer", "openid email offline_access")
    userinfo = await app.do("userinfo", access_token=tokens["access_token"], subject=tokens["claims"]["sub"])
    assert userinfo["email"] == "alice@example.com"


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post", "client_secret_jwt"])
async def test_openid_client_gets_tokens_after_dynamic_registration(
    system: Stack, driver: Driver, browser: Browser, method: str
) -> None:
    token = await initial_token(system)
    members = {"redirect_uris": ["https://client.example/callback"], "token_endpoint_auth_method": method}
    app = await OpenidClient.self_registered(system, driver, initial_token=token, **members)
    tokens = await signed_in(browser, app, scope="openid email")
    assert (await app.do("userinfo", access_token=tokens["access_token"], subject=tokens["claims"]["sub"]))["email"]
    refused = await app.run("register", metadata=members, initial_access_token=token)
    assert (
        refused["refused"]["code"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
    )  # the initial access token allows one registration


async def test_openid_client_refuses_changed_responses(browser: Browser, register: Register) -> None:
    """Shows that openid-client checks: it refuses a response that does not belong to the request."""
    app = await register()
    page = await authorize(browser, await app.start())
    foreign = page.url.replace("iss=http", "iss=https")
    refused = await app.run("finish", callback=foreign, remembered=app.remembered)
    assert "iss" in json.dumps(refused["refused"])
    refused = await app.run("finish", callback=page.url, remembered={**app.remembered, "expectedState": "another"})
    assert "state" in json.dumps(refused["refused"])
    refused = await app.run("finish", callback=page.url, remembered={**app.remembered, "expectedNonce": "another"})
    assert "nonce" in json.dumps(refused["refused"])
    refused = await app.run("finish", callback=page.url, remembered=app.remembered)
    assert refused["refused"]["error"] == "invalid_grant"  # the code was redeemed before the nonce check failed


async def test_openid_client_reports_access_denied_when_consent_is_denied(browser: Browser, register: Register) -> None:
    app = await register()
    await browser.open(await app.start())
    await browser.sign_in()
    page = await browser.submit("consent-deny")
    answer = await app.run("finish", callback=page.url, remembered=app.remembered)
    assert answer["refused"]["error"] == "access_denied"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
async def test_openid_client_authenticates_by_private_key_jwt(register: Register, alg: str) -> None:
    made = ECKey.generate_key("P-256") if alg == "ES256" else RSAKey.generate_key(2048)
    private, public = ({**made.as_dict(private=whether), "kid": "mine", "alg": alg} for whether in (True, False))
    app = await register(
        jwk=private,
        redirect_uris=[],
        grant_types=["client_credentials"],
        response_types=[],
        scope="notes",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg=alg,
        jwks={"keys": [public]},
    )
    assert (await app.do("clientCredentials", parameters={"scope": "notes"}))["scope"] == "notes"


async def test_openid_client_authenticates_by_client_secret_jwt(register: Register) -> None:
    app = await register(
        redirect_uris=[],
        grant_types=["client_credentials"],
        response_types=[],
        scope="notes",
        token_endpoint_auth_method="client_secret_jwt",
    )
    assert (await app.do("clientCredentials", parameters={"scope": "notes"}))["scope"] == "notes"
    app.app["client_secret"] = app.app["client_secret"][::-1]
    assert (await app.run("clientCredentials", parameters={}))["refused"]["error"] == "invalid_client"


async def test_openid_client_gets_tokens_by_code_with_private_key_jwt(browser: Browser, register: Register) -> None:
    private, public = key_pair()
    app = await register(jwk=private, token_endpoint_auth_method="private_key_jwt", jwks=public)
    tokens = await signed_in(browser, app, by="par")
    assert (await app.do("refresh", refresh_token=tokens["refresh_token"]))["access_token"]
    assert (await app.do("introspect", token=tokens["access_token"]))["active"]


@pytest.mark.parametrize("by", ["par", "jar", "jarByPar"])
async def test_openid_client_pushes_or_signs_authorization_requests(
    browser: Browser, register: Register, by: str
) -> None:
    private, public = key_pair()
    app = await register(jwk=private, jwks=public, request_object_signing_alg="ES256" if "jar" in by else None)
    url = await app.start(by=by)
    assert parse_qs(urlsplit(url).query).keys() == {"client_id", "request" if by == "jar" else "request_uri"}
    assert (await app.finish(await authorize(browser, url)))["claims"]["aud"] == app.app["client_id"]


@pytest.mark.parametrize("mode", ["fragment", "form_post"])
async def test_openid_client_signs_in_by_response_type_id_token(
    browser: Browser, register: Register, mode: str
) -> None:
    app = await register(
        response_type="id_token",
        grant_types=["implicit"],
        response_types=["id_token"],
        token_endpoint_auth_method="none",
    )
    answer = await signed_in(browser, app, scope="openid email", response_mode=mode)
    assert answer["claims"]["email"] == "alice@example.com"


@pytest.mark.parametrize("mode", ["fragment", "form_post"])
async def test_openid_client_signs_in_by_response_type_code_id_token(
    browser: Browser, register: Register, mode: str
) -> None:
    app = await register(
        response_type="code id_token",
        grant_types=["authorization_code", "implicit", "refresh_token"],
        response_types=["code id_token"],
    )
    tokens = await signed_in(browser, app, response_mode=mode)
    assert tokens["claims"]["nonce"] == app.remembered["expectedNonce"]
    assert tokens["refresh_token"]


async def test_openid_client_gets_token_by_client_credentials(register: Register) -> None:
    app = await register(
        redirect_uris=[],
        grant_types=["client_credentials"],
        response_types=[],
        scope="orders:read orders:write",
    )
    tokens = await app.do("clientCredentials", parameters={"scope": "orders:read"})
    assert tokens["scope"] == "orders:read"
    refused = await app.run("clientCredentials", parameters={"scope": "everything"})
    assert refused["refused"]["error"] == "invalid_scope"


async def test_openid_client_gets_token_by_password_grant(register: Register) -> None:
    app = await register(redirect_uris=[], grant_types=["password", "refresh_token"], response_types=[], consent="skip")
    who = {"username": "alice", "password": "alice-password", "scope": "openid email"}
    tokens = await app.do("password", parameters=who)
    assert tokens["claims"]["aud"] == app.app["client_id"]
    userinfo = await app.do("userinfo", access_token=tokens["access_token"], subject=tokens["claims"]["sub"])
    assert userinfo["email"] == "alice@example.com"


async def test_openid_client_gets_tokens_by_device_grant(browser: Browser, register: Register) -> None:
    app = await register(
        redirect_uris=[],
        grant_types=[GRANT, "refresh_token"],
        response_types=[],
        token_endpoint_auth_method="none",
    )
    codes = await app.do("deviceStart", parameters={"scope": "openid email"})
    polling = asyncio.create_task(app.do("devicePoll", codes=codes))
    await browser.open(codes["verification_uri_complete"])
    await browser.sign_in()
    await browser.submit("device-continue")
    await browser.submit("device-allow")
    tokens = await polling
    assert tokens["claims"]["aud"] == app.app["client_id"]
    assert (await app.do("refresh", refresh_token=tokens["refresh_token"]))["access_token"]


async def test_openid_client_refreshes_introspects_and_revokes_tokens(browser: Browser, register: Register) -> None:
    app = await register()
    tokens = await signed_in(browser, app)
    fresh = await app.do("refresh", refresh_token=tokens["refresh_token"])
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert fresh["claims"]["sub"] == tokens["claims"]["sub"]
    assert (await app.do("introspect", token=fresh["access_token"]))["sub"] == tokens["claims"]["sub"]
    await app.do("revoke", token=fresh["refresh_token"])
    assert await app.do("introspect", token=fresh["access_token"]) == {"active": False}
    refused = await app.run("refresh", refresh_token=fresh["refresh_token"])
    assert refused["refused"]["error"] == "invalid_grant"
    refused = await app.run("userinfo", access_token=fresh["access_token"], subject=tokens["claims"]["sub"])
    assert refused["refused"]["code"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"


async def test_openid_client_verifies_signed_userinfo_and_introspection(browser: Browser, register: Register) -> None:
    app = await register(userinfo_signed_response_alg="RS256", id_token_signed_response_alg="ES256")
    app.app["metadata"]["introspection_signed_response_alg"] = "RS256"
    tokens = await signed_in(browser, app)
    subject = tokens["claims"]["sub"]
    userinfo = await app.do("userinfo", access_token=tokens["access_token"], subject=subject)
    assert (userinfo["sub"], userinfo["email"]) == (subject, "alice@example.com")
    assert (await app.do("introspect", token=tokens["access_token"]))["active"]


async def test_openid_client_signs_out_by_end_session_endpoint(browser: Browser, register: Register) -> None:
    app = await register(post_logout_redirect_uris=[AFTERWARDS])
    tokens = await signed_in(browser, app)
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTERWARDS, "state": "back"}
    page = await browser.open((await app.do("endSession", parameters=parameters))["url"])
    assert (page.url, page.left) == (f"{AFTERWARDS}?state=back", True)
    page = await browser.open(await app.start(prompt="none"))
    answer = await app.run("finish", callback=page.url, remembered=app.remembered)
    assert answer["refused"]["error"] == "login_required"


async def test_openid_client_gets_token_for_requested_resource(
    system: Stack, browser: Browser, register: Register
) -> None:
    orders, notes = "https://orders.example/api", "urn:example:notes"
    app = await register(resources=[orders, notes], scope="openid notes", consent="skip")
    tokens = await signed_in(browser, app, scope="openid notes", resource=notes)
    await verified(system, tokens["access_token"], audience=notes, alg="ES256", typ="at+jwt")
    page = await authorize(browser, await app.start(scope="openid notes", resource="https://other.example"))
    answer = await app.run("finish", callback=page.url, remembered=app.remembered)
    assert answer["refused"]["error"] == "invalid_target"

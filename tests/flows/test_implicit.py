"""The implicit flow, with fragment and form_post (OpenID Connect Core, 3.2; RFC 6749, 4.2)."""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from joserfc.util import urlsafe_b64encode

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty, Started, verified
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

pytestmark = on_postgresql

ALL = ["id_token", "token", "id_token token"]


async def implicit_client(system: Stack, *response_types: str, **metadata: Any) -> RelyingParty:
    """A public client of the operator that does not ask for consent."""
    return await RelyingParty.registered(
        system,
        grant_types=["implicit"],
        response_types=list(response_types),
        token_endpoint_auth_method="none",
        consent="skip",
        **metadata,
    )


def asked(client: RelyingParty, response_type: str, **changes: str) -> Started:
    """An authorization request without PKCE, which applies to codes only."""
    started = client.start(scope=changes.pop("scope", "openid profile email"))
    url = httpx2.URL(started.url).copy_set_param("response_type", response_type)
    for name in ("code_challenge", "code_challenge_method"):
        url = url.copy_remove_param(name)
    for name, value in changes.items():
        url = url.copy_set_param(name, value) if value else url.copy_remove_param(name)
    return Started(str(url), started.state, started.nonce, started.verifier)


async def answered(browser: Browser, started: Started) -> Page:
    page = await browser.open(started.url)
    return await browser.sign_in() if page.name == "login" else page


def fragment(page: Page) -> dict[str, str]:
    parts = urlsplit(page.url)
    assert not parts.query, "no response parameter may be in the query"
    return dict(parse_qsl(parts.fragment))


def half_hash(value: str) -> str:
    """at_hash and c_hash for RS256 (OpenID Connect Core, 3.3.2.11), computed independently of the server."""
    return urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).decode()


@pytest.mark.s(7, 8, 16)
async def test_id_token_is_returned_by_form_post(system: Stack, browser: Browser) -> None:
    async with await implicit_client(system, "id_token") as client:
        started = asked(client, "id_token", response_mode="form_post")
        page = await answered(browser, started)
        form = page.form_with("form-post-submit")
        assert (form.action, form.method) == (client.redirect_uri, "post")
        assert form.fields.keys() == {"id_token", "state", "iss", "session_state"}
        assert form.fields["state"] == started.state
        claims = await verified(system, form.fields["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        assert claims["nonce"] == started.nonce
        assert (
            claims["email"] == "alice@example.com"
        )  # claims are in the ID token, because there is no access token for userinfo
        assert {"at_hash", "c_hash"}.isdisjoint(claims)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action https://client.example" in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.s(7, 15)
async def test_id_token_and_access_token_are_returned_in_the_fragment_and_match(
    system: Stack, browser: Browser
) -> None:
    async with await implicit_client(system, "id_token token") as client:
        started = asked(client, "token id_token", scope="openid email")
        answer = fragment(await answered(browser, started))
        assert answer.keys() == {
            "access_token",
            "token_type",
            "expires_in",
            "id_token",
            "state",
            "iss",
            "session_state",
        }
        assert (answer["state"], answer["token_type"], answer["iss"]) == (started.state, "Bearer", system.issuer)
        assert int(answer["expires_in"]) < 600  # shorter than in the code flow
        claims = await verified(system, answer["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        assert claims["at_hash"] == half_hash(answer["access_token"])
        assert "email" not in claims
        userinfo = await client.userinfo(answer["access_token"])
        assert userinfo.json()["sub"] == claims["sub"]
        assert userinfo.json()["email"] == "alice@example.com"


async def test_response_type_token_works_without_redirect_uri_and_with_a_session(
    system: Stack, browser: Browser
) -> None:
    async with await implicit_client(system, "token", scope="openid orders:read") as client:
        started = asked(client, "token", scope="orders:read", redirect_uri="", nonce="")
        answer = fragment(await answered(browser, started))
        assert answer.keys() == {"access_token", "token_type", "expires_in", "state", "iss"}
        again = await browser.open(asked(client, "token", scope="orders:read", prompt="none").url)
        assert fragment(again)["access_token"] != answer["access_token"]
        less = fragment(await browser.open(asked(client, "token", scope="").url))
        assert less["scope"] == "openid"  # it differs from the requested scope, so the response contains it


@pytest.mark.s(16)
@pytest.mark.parametrize("response_type", ["id_token", "id_token token"])
async def test_missing_nonce_is_refused_in_the_fragment(system: Stack, browser: Browser, response_type: str) -> None:
    async with await implicit_client(system, response_type) as client:
        started = asked(client, response_type, nonce="")
        answer = fragment(await browser.open(started.url))
        assert (answer["error"], answer["state"]) == ("invalid_request", started.state)


@pytest.mark.s(6, 17)
@pytest.mark.parametrize("response_type", ALL)
async def test_unregistered_response_type_is_refused(system: Stack, browser: Browser, response_type: str) -> None:
    async with await RelyingParty.registered(system) as client:
        answer = fragment(await browser.open(asked(client, response_type).url))
        assert answer["error"] == "unauthorized_client"


@pytest.mark.s(7)
@pytest.mark.parametrize("response_type", ALL)
async def test_response_mode_query_is_refused_for_tokens(system: Stack, browser: Browser, response_type: str) -> None:
    async with await implicit_client(system, response_type) as client:
        answer = fragment(await answered(browser, asked(client, response_type, response_mode="query")))
        assert answer["error"] == "invalid_request"


@pytest.mark.s(17)
async def test_implicit_grant_has_no_refresh_token_and_no_token_request(system: Stack, browser: Browser) -> None:
    async with await implicit_client(system, "id_token token") as client:
        answer = fragment(await answered(browser, asked(client, "id_token token", scope="openid offline_access")))
        assert "refresh_token" not in answer
        refused = await client.token_request(grant_type="refresh_token", refresh_token="x" * 70)
        assert refused.json()["error"] == "unauthorized_client"

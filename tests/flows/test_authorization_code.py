"""Authorization code flow with PKCE on the real pages (RFC 6749, 4.1; RFC 7636; OpenID Connect Core, 3.1)."""

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest

from libs.crypto.random import uuid7
from tests.flows.relying_party import RelyingParty, code_form, verified
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack


async def test_code_flow_returns_tokens_with_claims_of_the_user(
    system: Stack, browser: Browser, web: RelyingParty
) -> None:
    username, user_id = await new_user(system)
    started = web.start()
    page = await browser.open(started.url)
    assert page.name == "login"
    page = await browser.sign_in(username, f"{username}-password")
    assert page.name == "consent"
    page = await browser.submit("consent-allow")
    token = await web.finish(started, page)

    id_token = await verified(system, token["id_token"], audience=web.client_id, alg="RS256", typ="JWT")
    access_token = await verified(system, token["access_token"], audience=system.issuer, alg="ES256", typ="at+jwt")
    userinfo = (await web.userinfo(token["access_token"])).json()

    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 600
    assert id_token["nonce"] == started.nonce
    assert id_token["sub"] == access_token["sub"] == userinfo["sub"] == user_id
    assert abs(id_token["auth_time"] - datetime.now(UTC).timestamp()) < 60
    metadata = httpx2.get(f"{system.issuer}/.well-known/openid-configuration").json()
    assert id_token["acr"] in metadata["acr_values_supported"]
    assert id_token["amr"] == ["pwd"]
    assert access_token["client_id"] == web.client_id
    assert access_token["scope"].split() == token["scope"].split() == ["openid", "profile", "email", "offline_access"]
    assert userinfo["email"] == f"{username}@example.com"
    assert "name" not in id_token  # returned by /userinfo only
    assert "phone_number" not in userinfo


async def test_wrong_password_shows_an_error_and_keeps_the_request(browser: Browser, web: RelyingParty) -> None:
    started = web.start()
    await browser.open(started.url)
    page = await browser.sign_in("alice", "not-her-password")
    assert page.name == "login"
    assert 'role="alert"' in page.text
    page = await browser.sign_in("unknown-user", "whatever")
    assert page.name == "login"
    page = await browser.sign_in()
    assert page.name == "consent" or page.left


async def test_second_client_uses_the_existing_session(
    browser: Browser, web: RelyingParty, second: RelyingParty
) -> None:
    first = await web.sign_in(browser)
    started = second.start()
    page = await browser.open(started.url)
    assert page.name == "consent"  # the session exists, the consent for this client does not
    other = await second.finish(started, await browser.submit("consent-allow"))
    me = (await web.userinfo(first["access_token"])).json()
    assert (await second.userinfo(other["access_token"])).json()["sub"] == me["sub"]


async def test_consent_is_remembered_and_asked_again_for_further_scopes(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser, scope="openid email")
        page = await browser.open(client.start(scope="openid email").url)
        assert page.left
        page = await browser.open(client.start(scope="openid email phone").url)
        assert page.name == "consent"


async def test_denied_consent_and_cancelled_sign_in_return_access_denied(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        page = await browser.submit("login-cancel")
        assert page.left
        assert page.parameters["error"] == "access_denied"
        assert page.parameters["state"] == started.state

        await browser.open(client.start().url)
        assert (await browser.sign_in()).name == "consent"
        page = await browser.submit("consent-deny")
        assert page.parameters["error"] == "access_denied"
        assert page.parameters["iss"] == system.issuer


@pytest.mark.s(13, 14)
async def test_concurrent_code_redemption_succeeds_once_and_revokes_the_grant(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        await browser.sign_in()
        form = code_form(await browser.submit("consent-allow"), started, client)
        answers = await asyncio.gather(*(client.token_request(**form) for _ in range(8)))
        won = [answer for answer in answers if answer.status_code == 200]
        lost = [answer.json()["error"] for answer in answers if answer.status_code != 200]
        assert len(won) == 1
        assert lost == ["invalid_grant"] * 7
        bought = won[0].json()
        assert (await client.userinfo(bought["access_token"])).status_code == 401
        refreshed = await client.token_request(grant_type="refresh_token", refresh_token=bought["refresh_token"])
        assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")


@pytest.mark.s(14)
async def test_replayed_code_revokes_the_grant(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        await browser.sign_in()
        form = code_form(await browser.submit("consent-allow"), started, client)
        bought = (await client.token_request(**form)).json()
        assert (await client.userinfo(bought["access_token"])).status_code == 200
        assert (await client.token_request(**form)).json()["error"] == "invalid_grant"
        assert (await client.userinfo(bought["access_token"])).status_code == 401


@pytest.mark.s(11, 12)
@pytest.mark.parametrize("verifier", [None, "x" * 43])
async def test_code_redemption_requires_the_matching_code_verifier(
    system: Stack, browser: Browser, verifier: str | None
) -> None:
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        await browser.open(started.url)
        await browser.sign_in()
        form = code_form(await browser.submit("consent-allow"), started, client)
        del form["code_verifier"]
        if verifier:
            form["code_verifier"] = verifier
        assert (await client.token_request(**form)).json()["error"] == "invalid_grant"


@pytest.mark.s(39)
async def test_pending_request_is_bound_to_its_browser(system: Stack, browser: Browser, web: RelyingParty) -> None:
    page = await browser.open(web.start().url)
    async with Browser(system.issuer) as thief:
        stolen = await thief.open(page.url)
        assert stolen.name == "error"
        assert stolen.status == 400


async def test_request_ids_differ_between_requests(system: Stack, browser: Browser, web: RelyingParty) -> None:
    page = await browser.open(f"{system.issuer}/sign-in?request={uuid7(datetime.now(UTC))}")
    assert (page.name, page.status) == ("error", 400)


@pytest.mark.s(40)
async def test_prompt_none_shows_no_page(browser: Browser, web: RelyingParty) -> None:
    page = await browser.open(web.start(prompt="none").url)
    assert page.left
    assert page.parameters["error"] == "login_required"
    await web.sign_in(browser)
    page = await browser.open(web.start(prompt="none").url)
    assert "code" in page.parameters


@pytest.mark.s(40)
async def test_prompt_login_and_max_age_require_a_new_sign_in(
    system: Stack, browser: Browser, web: RelyingParty
) -> None:
    before = await web.sign_in(browser)
    for parameters in ({"prompt": "login"}, {"max_age": "0"}):
        started = web.start(**parameters)
        page = await browser.open(started.url)
        assert page.name == "login"
        # Resuming without signing in shows the sign-in page again.
        request = page.parameters["request"]
        assert (await browser.open(f"/authorize/resume?request={request}")).name == "login"
        after = await web.finish(started, await browser.sign_in())
        old = await verified(system, before["id_token"], audience=web.client_id, alg="RS256", typ="JWT")
        new = await verified(system, after["id_token"], audience=web.client_id, alg="RS256", typ="JWT")
        assert new["auth_time"] >= old["auth_time"]
        assert new["sid"] != old["sid"]


async def test_public_client_requires_pkce_and_no_secret(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system, token_endpoint_auth_method="none") as client:
        token = await client.sign_in(browser)
        assert (await client.userinfo(token["access_token"])).status_code == 200
        plain = (
            httpx2.URL(client.start().url)
            .copy_remove_param("code_challenge")
            .copy_remove_param("code_challenge_method")
        )
        page = await browser.open(str(plain))
        assert page.parameters["error"] == "invalid_request"


async def test_form_post_returns_the_code_in_a_form(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system, consent="skip") as client:
        started = client.start(response_mode="form_post")
        await browser.open(started.url)
        page = await browser.sign_in()
        form = page.form_with("form-post-submit")
        assert form.action == client.redirect_uri
        assert form.fields["state"] == started.state
        assert form.fields["code"]


async def test_authorization_request_is_accepted_by_cross_site_post(browser: Browser, web: RelyingParty) -> None:
    url = httpx2.URL(web.start().url)
    page = await browser.post("/authorize", dict(url.params), headers={"Origin": "https://client.example"})
    assert page.name == "login"
    page = await browser.sign_in()
    assert page.name == "consent" or "code" in page.parameters

"""The account pages: sessions, connected apps, password, profile, data export, deletion."""

import json

import pytest

from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack


async def enter(browser: Browser, username: str, password: str = "") -> None:
    page = await browser.open("/account")
    assert page.name == "login"
    assert (await browser.sign_in(username, password or f"{username}-password")).name == "account"


async def test_session_is_ended_from_another_browser(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system) as client, Browser(system.issuer) as other:
        token = await client.sign_in(other, username=username, scope="openid")
        await enter(browser, username)
        page = await browser.submit("end-other-sessions")
        assert "signed out of all other sessions" in page.text
        assert (await other.open("/account")).name == "login"
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"


@pytest.mark.s(24)
async def test_removed_application_loses_its_tokens_and_needs_new_consent(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system, client_name="Notes") as client:
        token = await client.sign_in(browser, username=username)
        page = await browser.open("/account")
        assert "Notes" in page.text
        page = await browser.submit(f"remove-{client.client_id}")
        assert "no longer has access" in page.text
        assert (await client.userinfo(token["access_token"])).status_code == 401
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"
        assert (await browser.open(client.start().url)).name == "consent"


async def test_new_password_replaces_the_current_one(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    await enter(browser, username)
    await browser.open("/account/password")
    page = await browser.submit("password-submit", current_password="wrong", new_password="a brand-new one")
    assert "Current password is incorrect" in page.text
    page = await browser.submit(
        "password-submit", current_password=f"{username}-password", new_password="a brand-new one"
    )
    assert page.name == "account"
    assert "Password changed" in page.text
    async with Browser(system.issuer) as other:
        await enter(other, username, "a brand-new one")


async def test_changed_profile_is_returned_by_userinfo(system: Stack, browser: Browser) -> None:
    username, user_id = await new_user(system)
    await enter(browser, username)
    page = await browser.open("/account/profile")
    page = await browser.submit("profile-submit", name="<b>Zoë</b>", birthdate="tomorrow")
    assert (page.name, "Check the highlighted field" in page.text) == ("account-profile", True)
    page = await browser.submit("profile-submit", name="<b>Zoë</b>", birthdate="0000-02-29", address_locality="Bern")
    assert page.name == "account"
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, username=username, scope="openid profile email address")
        claims = (await client.userinfo(token["access_token"])).json()
    assert (claims["sub"], claims["name"], claims["birthdate"]) == (user_id, "<b>Zoë</b>", "0000-02-29")
    assert claims["address"] == {"locality": "Bern"}
    assert claims["email_verified"] is False


@pytest.mark.s(52)
async def test_account_forms_cannot_change_claims_of_the_operator(system: Stack, browser: Browser) -> None:
    username, user_id = await new_user(system)
    await enter(browser, username)
    await browser.open("/account/profile")
    forged = {"email_verified": "true", "email": "x@evil.example", "sub": "root", "phone_number_verified": "true"}
    fields = browser.page.form_with("profile-submit").fields | {"name": "Mallory", "choice": "save"} | forged
    await browser.client.post(f"{system.issuer}/account/profile", data=fields, headers={"Origin": system.issuer})
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, username=username, scope="openid profile email phone")
        claims = (await client.userinfo(token["access_token"])).json()
    assert (claims["sub"], claims["name"], claims["email"]) == (user_id, "Mallory", f"{username}@example.com")
    assert claims["email_verified"] is False
    assert "phone_number_verified" not in claims


async def test_user_downloads_the_stored_data(system: Stack, browser: Browser) -> None:
    username, user_id = await new_user(system)
    async with await RelyingParty.registered(system, client_name="Notes") as client:
        await client.sign_in(browser, username=username, scope="openid email", prompt="consent")
        await browser.open("/account/data")
        answer = await browser.submit("data-download")
        data = json.loads(answer.text)
        assert data["account"]["sub"] == user_id
        assert data["account"]["claims"]["email"] == f"{username}@example.com"
        assert [session["amr"] for session in data["account"]["sessions"]] == [["pwd"]]
        assert data["applications"]["applications"] == {client.client_id: "Notes"}
        assert [each["scope"] for each in data["applications"]["consents"]] == ["email openid"]
    for secret in ("argon2", "hash", "secret"):
        assert secret not in answer.text


@pytest.mark.s(24, 54)
async def test_deleted_account_has_no_working_session_or_token(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, username=username, scope="openid offline_access", prompt="consent")
        await browser.open("/account/delete")
        page = await browser.submit("delete-submit", username="alice")
        assert (page.name, "username doesn" in page.text) == ("account-delete", True)
        page = await browser.submit("delete-submit", username=username)
        assert page.name == "account-deleted"
        assert (await client.userinfo(token["access_token"])).status_code == 401
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"
    assert (await browser.open("/account")).name == "login"
    page = await browser.sign_in(username, f"{username}-password")
    assert (page.name, "Incorrect username or password" in page.text) == ("login", True)

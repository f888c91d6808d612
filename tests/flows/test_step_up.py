"""Step-up authentication: an application requires two-step verification by acr."""

import json
from typing import Any

import pytest

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from tests.flows.authenticator import Authenticator, set_up
from tests.flows.relying_party import RelyingParty, Started, verified
from tests.flows.test_account import enter
from tests.flows.test_second_factors import user_with_authenticator
from tests.flows.users import new_user
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

PASSWORD, MFA = "urn:latchkey:acr:password", "urn:latchkey:acr:mfa"
EVERY_WAY: list[dict[str, str]] = [{}, {"acr_values": PASSWORD}, {"prompt": "consent"}]
ESSENTIAL = json.dumps({"id_token": {"acr": {"essential": True, "value": MFA}}})


async def granted(browser: Browser, page: Page) -> Page:
    return await browser.submit("consent-allow") if page.name == "consent" else page


async def claims_of(system: Stack, client: RelyingParty, started: Started, page: Page) -> dict[str, Any]:
    token = await client.finish(started, page)
    return await verified(system, token["id_token"], audience=client.client_id, alg="RS256", typ="JWT")


async def session_older_than_the_authenticator(system: Stack, browser: Browser) -> Authenticator:
    """Gives the browser a session by password, then adds an authenticator app to the user."""
    username, _ = await new_user(system)
    await enter(browser, username)
    async with Browser(system.issuer) as other:
        await enter(other, username)
        return await set_up(other)


@pytest.mark.s(38, 40)
@pytest.mark.parametrize(
    "asked", [{"acr_values": MFA}, {"claims": ESSENTIAL}, {}], ids=["acr_values", "claims", "client"]
)
async def test_step_up_keeps_the_session_id_and_replaces_its_secret(
    system: Stack, browser: Browser, asked: dict[str, str]
) -> None:
    app = await session_older_than_the_authenticator(system, browser)
    uses_sid = {"post_logout_redirect_uris": ["https://client.example/signed-out"]}
    metadata = uses_sid if asked else {"required_acr": MFA, **uses_sid}
    async with (
        await RelyingParty.registered(system, **uses_sid) as plain,
        await RelyingParty.registered(system, **metadata) as client,
    ):
        started = plain.start()
        before = await claims_of(system, plain, started, await granted(browser, await browser.open(started.url)))
        assert (before["acr"], before["amr"]) == (PASSWORD, ["pwd"])
        cookie = browser.client.cookies["latchkey-session"]

        started = client.start(**asked)
        page = await browser.open(started.url)
        assert page.name == "second-step"
        page = await granted(browser, await browser.submit("totp-submit", totp_code=app.code()))
        after = await claims_of(system, client, started, page)
        assert (after["acr"], after["amr"]) == (MFA, ["pwd", "otp", "mfa"])
        assert (after["sid"], after["auth_time"]) == (before["sid"], before["auth_time"])
        assert browser.client.cookies["latchkey-session"] != cookie
        async with Browser(system.issuer) as thief:
            thief.client.cookies.set("latchkey-session", cookie)
            assert (await thief.open("/account")).name == "login"  # the previous session secret is invalid


@pytest.mark.s(40, 55)
async def test_step_up_cannot_be_skipped(system: Stack, browser: Browser) -> None:
    await session_older_than_the_authenticator(system, browser)
    async with await RelyingParty.registered(system, required_acr=MFA, consent="skip") as client:
        for more in EVERY_WAY:
            started = client.start(**more)
            page = await browser.open(started.url)
            assert page.name == "second-step"
            request_id = page.parameters["request"]
            for path in ("/authorize/resume", "/consent"):
                page = await browser.open(f"{path}?request={request_id}")
                assert page.name in {"second-step", "consent"}
            if page.name == "consent":
                page = await browser.submit("consent-allow")
            assert page.name == "second-step"
        page = await browser.open(client.start(prompt="none").url)
        assert page.parameters["error"] == "login_required"


@pytest.mark.s(49)
async def test_user_without_second_factor_adds_one_and_continues(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system) as client:
        started = client.start(acr_values=MFA)
        await browser.open(started.url)
        page = await browser.sign_in(username, f"{username}-password")
        assert page.name == "step-up"
        page = await browser.open(f"/account/authenticator?request={page.parameters['request']}")
        app = Authenticator.reading(page)
        page = await browser.submit("totp-submit", totp_code=app.code())
        assert page.name == "account-recovery-codes"
        page = await browser.open(f"/authorize/resume?request={page.parameters['request']}")
        claims = await claims_of(system, client, started, await granted(browser, page))
        assert (claims["acr"], claims["amr"]) == (MFA, ["pwd", "otp", "mfa"])


async def test_cancelled_step_up_is_returned_to_the_client(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system, default_acr_values=[MFA]) as client:
        await browser.open(client.start().url)
        await browser.sign_in(username, f"{username}-password")
        page = await browser.submit("step-up-cancel")
        assert page.parameters["error"] == "access_denied"


@pytest.mark.s(17, 36)
async def test_client_that_requires_two_steps_gets_no_tokens_by_password_alone(system: Stack) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(
        system, grant_types=["password"], redirect_uris=[], response_types=[], consent="skip", required_acr=MFA
    ) as client:
        form = {"grant_type": "password", "username": username, "password": f"{username}-password", "scope": "openid"}
        assert (await client.token_request(**form)).json()["error"] == "invalid_grant"


@pytest.mark.s(40)
async def test_acr_of_the_id_token_is_the_requested_lower_level(system: Stack, browser: Browser) -> None:
    """OpenID Connect Core, 5.5.1.1: acr is one of the requested values."""
    username, app = await user_with_authenticator(system)
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": [PASSWORD]}}})
    async with await RelyingParty.registered(system) as client:
        started = client.start(claims=claims)
        await browser.open(started.url)
        await browser.sign_in(username, f"{username}-password")
        page = await granted(browser, await browser.submit("totp-submit", totp_code=app.code()))
        assert (await claims_of(system, client, started, page))["acr"] == PASSWORD


@pytest.mark.s(36)
async def test_acr_required_later_by_the_operator_applies_to_refresh_tokens(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, username=username)
        request = admin_pb2.UpdateClientRequest(client_id=client.client_id)
        request.metadata.update(
            {
                "client_name": "A test client",
                "redirect_uris": [client.redirect_uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "required_acr": MFA,
            }
        )
        async with system.channel("token") as channel:
            await ClientAdminServiceStub(channel).UpdateClient(request)
        refused = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"
        assert (await browser.open(client.start().url)).name == "step-up"

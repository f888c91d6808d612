"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0)."""

from urllib.parse import urlencode

import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

AFTERWARDS = "https://client.example/signed-out"
STATE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "+;") + "abc"


async def _client(system: Stack) -> RelyingParty:
    return await RelyingParty.registered(system, post_logout_redirect_uris=[AFTERWARDS], consent="skip")


async def _gone(browser: Browser, client: RelyingParty) -> bool:
    page = await browser.open(client.start(prompt="none").url)
    return page.parameters.get("error") == "login_required"


async def test_logout_with_id_token_hint_returns_to_the_client_with_state(system: Stack, browser: Browser) -> None:
    async with await _client(system) as client:
        token = await client.sign_in(browser)
        query = urlencode({"id_token_hint": token["id_token"], "post_logout_redirect_uri": AFTERWARDS, "state": STATE})
        page = await browser.open(f"/logout?{query}")
        assert page.url.startswith(AFTERWARDS + "?")
        assert page.parameters == {"state": STATE}
        assert await _gone(browser, client)


@pytest.mark.s(41)
async def test_logout_without_id_token_hint_asks_for_confirmation(system: Stack, browser: Browser) -> None:
    async with await _client(system) as client:
        await client.sign_in(browser)
        page = await browser.open("/logout")
        assert page.name == "logout"
        await browser.submit("logout-cancel")
        assert not await _gone(browser, client)
        await browser.open(
            f"/logout?{urlencode({'client_id': client.client_id, 'post_logout_redirect_uri': AFTERWARDS, 'state': STATE})}"
        )
        page = await browser.submit("logout-confirm")
        assert page.parameters == {"state": STATE}
        assert await _gone(browser, client)


@pytest.mark.s(41)
async def test_logout_by_post_requires_the_csrf_token(system: Stack, browser: Browser) -> None:
    async with await _client(system) as client:
        await client.sign_in(browser)
        page = await browser.post("/logout", {"choice": "confirm"}, headers={"Origin": "https://evil.example"})
        assert not page.left
        assert not await _gone(browser, client)


@pytest.mark.s(40, 41)
@pytest.mark.parametrize(
    "parameters",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": AFTERWARDS + "?foo=bar"},
        {"post_logout_redirect_uri": AFTERWARDS, "id_token_hint": ""},
        {"post_logout_redirect_uri": AFTERWARDS, "id_token_hint": "{unsigned}"},
    ],
)
async def test_invalid_logout_request_is_not_redirected(
    system: Stack, browser: Browser, parameters: dict[str, str]
) -> None:
    async with await _client(system) as client:
        token = (await client.sign_in(browser))["id_token"]
        unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + token.split(".")[1] + "."
        query = {"id_token_hint": token, **parameters}
        query = {name: value.format(unsigned=unsigned) for name, value in query.items() if value}
        page = await browser.open(f"/logout?{urlencode(query)}")
        assert not page.left
        assert page.name in {"error", "logout"}
        assert not await _gone(browser, client)


@pytest.mark.s(24)
async def test_logout_ends_online_grants_and_keeps_offline_access(system: Stack, browser: Browser) -> None:
    async with await _client(system) as client:
        offline = await client.sign_in(browser, scope="openid offline_access")
        online = await client.sign_in(browser, scope="openid")
        await browser.open(f"/logout?{urlencode({'id_token_hint': online['id_token']})}")
        refreshed = await client.token_request(grant_type="refresh_token", refresh_token=online["refresh_token"])
        assert refreshed.json()["error"] == "invalid_grant"
        assert (await client.userinfo(online["access_token"])).status_code == 401
        refreshed = await client.token_request(grant_type="refresh_token", refresh_token=offline["refresh_token"])
        assert refreshed.status_code == 200

"""Front-channel logout (OpenID Connect Front-Channel Logout 1.0): the browser loads the logout URIs of the clients of this session."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty, verified
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql

FRONT = "https://client.example/front?tenant=7"
AFTERWARDS = "https://client.example/signed-out"


@pytest.mark.conformance("oidcc-frontchannel-rp-initiated-logout")
@pytest.mark.s(41)
async def test_logout_page_loads_front_channel_uris_of_the_session_only(system: Stack, browser: Browser) -> None:
    members = {"consent": "skip", "frontchannel_logout_session_required": True}
    async with (
        await RelyingParty.registered(
            system, frontchannel_logout_uri=FRONT, post_logout_redirect_uris=[AFTERWARDS], **members
        ) as listening,
        await RelyingParty.registered(system, frontchannel_logout_uri="https://client.example/never", **members),
    ):
        token = await listening.sign_in(browser)
        sid = (await verified(system, token["id_token"], audience=listening.client_id, alg="RS256", typ="JWT"))["sid"]
        hint = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": AFTERWARDS, "state": 'a"b'}
        page = await browser.open(f"/logout?{urlencode(hint)}")

        assert page.name == "signed-out"
        expected = f"{FRONT}&{urlencode({'iss': system.issuer, 'sid': sid})}"
        assert [unescape(found) for found in re.findall(r'<iframe[^>]* src="([^"]*)"', page.text)] == [expected]
        assert "frame-src https://client.example;" in page.headers["content-security-policy"] + ";"
        (refresh,) = re.findall(r'<meta http-equiv="refresh" content="2; url=([^"]*)">', page.text)
        assert unescape(refresh) == f"{AFTERWARDS}?state=a%22b"

        assert (await browser.open(listening.start(prompt="none").url)).parameters["error"] == "login_required"
        assert "<iframe" not in (await browser.open(f"/logout?{urlencode(hint)}")).text

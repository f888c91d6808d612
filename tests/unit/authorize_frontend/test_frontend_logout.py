"""RP-initiated logout."""

import string
from typing import Any
from urllib.parse import urlencode

import pytest

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from latchkey.token.v1.authorization_pb2 import CheckLogoutResponse
from libs.crypto.random import new_secret
from libs.crypto.strict import base64url
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

AWKWARD = string.punctuation + " +;\r\n\t\u2028\u00e9\ud7ff&amp;&#x3c;%00%zz" + string.ascii_letters
BACK = "https://app.example/bye?state=x"


@pytest.fixture
def signed_in(browser, services):
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    services.token.says["CheckLogout"] = CheckLogoutResponse(client_name="Acme Notes", redirect_uri=BACK)
    return browser


def pairs(message: Any) -> list[tuple[str, str]]:
    return [(parameter.name, parameter.value) for parameter in message.parameters]


@pytest.mark.s(41)
async def test_logout_without_hint_shows_the_confirmation_page(signed_in, services):
    answer = await signed_in.get("/logout?client_id=c")
    html = answer.html
    assert answer.status == 200
    assert html.one("main")["data-page"] == "logout"
    assert html.has_id("logout-confirm")
    assert html.has_id("logout-cancel")
    for words in ("Acme Notes", "Alice Ansel", "app.example"):
        assert words in html.text
    assert services.authentication.names() == ["GetSession"]


@pytest.mark.s(41)
async def test_logout_with_matching_hint_needs_no_confirmation(signed_in, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=BACK, confirmed=True)
    secret = signed_in.cookies["latchkey-session"]
    answer = await signed_in.get("/logout?id_token_hint=h&state=x")
    assert (answer.status, answer.location) == (303, BACK)
    assert services.authentication.asked("EndSession").session_secret == secret
    assert signed_in.cookies == {}


async def test_logout_confirmation_ends_the_session_and_redirects(signed_in, services):
    page = await signed_in.get("/logout?client_id=c&state=x")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert (answer.status, answer.location) == (303, BACK)
    assert services.authentication.names()[-1] == "EndSession"
    assert signed_in.cookies == {}


async def test_logout_confirmation_without_redirect_uri_redirects_to_a_page(signed_in, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    page = await signed_in.get("/logout")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert (answer.status, answer.location) == (303, "/logout")
    assert "EndSession" in services.authentication.names()
    assert (await signed_in.get(answer.location)).html.one("main")["data-page"] == "signed-out"


async def test_logout_cancel_keeps_the_session(signed_in, services):
    page = await signed_in.get("/logout?client_id=c")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-cancel"))
    assert (answer.status, answer.location) == (303, "/")
    assert "EndSession" not in services.authentication.names()
    assert "latchkey-session" in signed_in.cookies


@pytest.mark.s(16)
async def test_logout_state_is_unchanged_by_the_confirmation_page(signed_in, services):
    sent = [("state", AWKWARD), ("client_id", "c"), ("state", '"><script>'), ("empty", "")]
    page = await signed_in.get("/logout?" + urlencode(sent))
    await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    first, second = [request for name, request in services.token.calls if name == "CheckLogout"]
    assert pairs(first) == pairs(second) == sent


@pytest.mark.s(16)
async def test_logout_redirect_uri_is_used_unchanged(signed_in, services):
    uri = "https://app.example/bye?a=%7e+&state=%22%3c%3E%26%25%5C%7B%7D%7C%5E%27%23%60"
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=uri, confirmed=True)
    assert (await signed_in.get("/logout?x=y")).location == uri


@pytest.mark.s(16, 37)
async def test_logout_post_redirects_to_get_with_the_same_parameters(browser, services):
    sent = [("id_token_hint", "h"), ("state", AWKWARD)]
    answer = await browser.post("/logout", sent, Origin="https://app.example", Sec_Fetch_Site="cross-site")
    assert answer.status == 303
    assert services.token.calls == []
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    await browser.get(answer.location)
    assert pairs(services.token.asked("CheckLogout")) == sent


async def test_logout_post_is_refused_when_it_is_too_long(browser):
    answer = await browser.post("/logout", [("state", "x" * 10_000)])
    assert (answer.status, answer.html.one("main")["data-error"]) == (400, "invalid_request")


async def test_logout_without_a_session_needs_no_confirmation(browser, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=BACK)
    assert (await browser.get("/logout?id_token_hint=h")).location == BACK
    assert services.authentication.calls == []


@pytest.mark.parametrize("cookies", [{}, {"latchkey-session": "a" * 43}])
async def test_logout_without_redirect_uri_shows_the_signed_out_page(browser, services, cookies):
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    browser.cookies = dict(cookies)
    answer = await browser.get("/logout?state=only")
    assert answer.status == 200
    assert answer.html.one("main")["data-page"] == "signed-out"
    assert "signed out" in answer.html.text
    assert "have been signed out of" in answer.html.text
    assert browser.cookies == {}


@pytest.mark.s(41)
async def test_logout_error_page_keeps_the_session_and_offers_sign_out(signed_in, services):
    services.token.says["CheckLogout"] = InvalidRequest(
        "The post_logout_redirect_uri is not registered.", reason=Reason.INTERNAL
    )
    answer = await signed_in.get("/logout?post_logout_redirect_uri=https://evil.example")
    assert answer.status == 400
    assert "The post_logout_redirect_uri is not registered." in answer.html.text
    assert [link["href"] for link in answer.html.links] == ["/logout"]
    assert "EndSession" not in services.authentication.names()
    assert "latchkey-session" in signed_in.cookies


@pytest.mark.s(41)
async def test_logout_request_is_checked_again_on_confirmation(signed_in, services):
    page = await signed_in.get("/logout?client_id=c")
    services.token.says["CheckLogout"] = InvalidRequest("The client is gone.", reason=Reason.INTERNAL)
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert answer.status == 400
    assert "EndSession" not in services.authentication.names()


@pytest.mark.s(37, 41)
async def test_logout_token_covers_the_request(signed_in, services):
    page = await signed_in.get("/logout?client_id=c")
    swapped = page.html.press("logout-confirm") | {"request": base64url(b"client_id=another")}
    answer = await signed_in.post("/logout/confirm", swapped)
    assert answer.status == 403
    assert "EndSession" not in services.authentication.names()


@pytest.mark.s(3)
async def test_logout_refuses_script_redirect_uris(signed_in, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri="javascript:alert(1)", confirmed=True)
    assert (await signed_in.get("/logout")).status == 500


async def test_logout_confirmation_sets_the_binding_cookie(signed_in, services):
    del signed_in.cookies["latchkey-browser"]
    page = await signed_in.get("/logout")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert answer.status == 303


async def test_home_shows_the_signed_in_user(signed_in, services):
    html = (await signed_in.get("/")).html
    assert html.one("main")["data-page"] == "home"
    assert "Alice Ansel" in html.text
    assert [link["href"] for link in html.links] == ["/account", "/logout"]


async def test_home_without_a_session_makes_no_call(browser, services):
    html = (await browser.get("/")).html
    assert html.links == []
    assert services.authentication.calls == []


async def test_home_shows_no_user_when_the_session_has_ended(signed_in, services):
    services.authentication.says["GetSession"] = GetSessionResponse()
    assert "Alice" not in (await signed_in.get("/")).html.text

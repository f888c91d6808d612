"""RP-initiated logout: asked, confirmed, and sent back with a state that nothing has touched."""

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
async def test_without_proof_the_person_is_asked_and_nothing_has_ended(signed_in, services):
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
async def test_a_hint_that_fits_the_session_needs_no_question(signed_in, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=BACK, confirmed=True)
    secret = signed_in.cookies["latchkey-session"]
    answer = await signed_in.get("/logout?id_token_hint=h&state=x")
    assert (answer.status, answer.location) == (303, BACK)
    assert services.authentication.asked("EndSession").session_secret == secret
    assert signed_in.cookies == {}


async def test_confirming_ends_the_session_and_sends_the_person_back(signed_in, services):
    page = await signed_in.get("/logout?client_id=c&state=x")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert (answer.status, answer.location) == (303, BACK)
    assert services.authentication.names()[-1] == "EndSession"
    assert signed_in.cookies == {}


async def test_confirming_without_a_way_back_ends_on_a_page_that_can_be_reloaded(signed_in, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    page = await signed_in.get("/logout")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert (answer.status, answer.location) == (303, "/logout")
    assert "EndSession" in services.authentication.names()
    assert (await signed_in.get(answer.location)).html.one("main")["data-page"] == "signed-out"


async def test_cancelling_ends_nothing(signed_in, services):
    page = await signed_in.get("/logout?client_id=c")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-cancel"))
    assert (answer.status, answer.location) == (303, "/")
    assert "EndSession" not in services.authentication.names()
    assert "latchkey-session" in signed_in.cookies


@pytest.mark.s(16)
async def test_state_survives_the_confirmation_page_byte_by_byte(signed_in, services):
    sent = [("state", AWKWARD), ("client_id", "c"), ("state", '"><script>'), ("empty", "")]
    page = await signed_in.get("/logout?" + urlencode(sent))
    await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    first, second = [request for name, request in services.token.calls if name == "CheckLogout"]
    assert pairs(first) == pairs(second) == sent


@pytest.mark.s(16)
async def test_state_reaches_the_client_as_the_token_service_wrote_it(signed_in, services):
    uri = "https://app.example/bye?a=%7e+&state=%22%3c%3E%26%25%5C%7B%7D%7C%5E%27%23%60"
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=uri, confirmed=True)
    assert (await signed_in.get("/logout?x=y")).location == uri


@pytest.mark.s(16, 37)
async def test_a_post_of_the_client_is_asked_again_by_get_with_every_byte(browser, services):
    sent = [("id_token_hint", "h"), ("state", AWKWARD)]
    answer = await browser.post("/logout", sent, Origin="https://app.example", Sec_Fetch_Site="cross-site")
    assert answer.status == 303
    assert services.token.calls == []
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    await browser.get(answer.location)
    assert pairs(services.token.asked("CheckLogout")) == sent


async def test_a_post_that_no_url_can_hold_is_refused(browser):
    answer = await browser.post("/logout", [("state", "x" * 10_000)])
    assert (answer.status, answer.html.one("main")["data-error"]) == (400, "invalid_request")


async def test_a_browser_without_a_session_is_not_asked(browser, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=BACK)
    assert (await browser.get("/logout?id_token_hint=h")).location == BACK
    assert services.authentication.calls == []


@pytest.mark.parametrize("cookies", [{}, {"latchkey-session": "a" * 43}])
async def test_without_a_way_back_the_page_says_that_it_is_done(browser, services, cookies):
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    browser.cookies = dict(cookies)
    answer = await browser.get("/logout?state=only")
    assert answer.status == 200
    assert answer.html.one("main")["data-page"] == "signed-out"
    assert "signed out" in answer.html.text
    assert "have been signed out of" in answer.html.text
    assert browser.cookies == {}


@pytest.mark.s(41)
async def test_a_bad_request_is_a_page_that_ends_nothing_and_offers_to(signed_in, services):
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
async def test_the_request_is_judged_again_when_the_person_confirms(signed_in, services):
    page = await signed_in.get("/logout?client_id=c")
    services.token.says["CheckLogout"] = InvalidRequest("The client is gone.", reason=Reason.INTERNAL)
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert answer.status == 400
    assert "EndSession" not in services.authentication.names()


@pytest.mark.s(37, 41)
async def test_the_token_covers_the_request_that_the_question_was_about(signed_in, services):
    page = await signed_in.get("/logout?client_id=c")
    swapped = page.html.press("logout-confirm") | {"request": base64url(b"client_id=another")}
    answer = await signed_in.post("/logout/confirm", swapped)
    assert answer.status == 403
    assert "EndSession" not in services.authentication.names()


@pytest.mark.s(3)
async def test_a_way_back_that_a_browser_would_run_is_never_followed(signed_in, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri="javascript:alert(1)", confirmed=True)
    assert (await signed_in.get("/logout")).status == 500


async def test_a_person_without_the_binding_cookie_gets_one_with_the_question(signed_in, services):
    del signed_in.cookies["latchkey-browser"]
    page = await signed_in.get("/logout")
    answer = await signed_in.post("/logout/confirm", page.html.press("logout-confirm"))
    assert answer.status == 303


async def test_home_says_who_is_signed_in(signed_in, services):
    html = (await signed_in.get("/")).html
    assert html.one("main")["data-page"] == "home"
    assert "Alice Ansel" in html.text
    assert [link["href"] for link in html.links] == ["/account", "/logout"]


async def test_home_of_a_stranger_costs_no_call(browser, services):
    html = (await browser.get("/")).html
    assert html.links == []
    assert services.authentication.calls == []


async def test_a_session_that_ended_elsewhere_is_not_greeted(signed_in, services):
    services.authentication.says["GetSession"] = GetSessionResponse()
    assert "Alice" not in (await signed_in.get("/")).html.text

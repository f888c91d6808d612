"""The authorization endpoint: what goes to the services, and what the browser is told to do next."""

from typing import Any

import pytest

from latchkey.token.v1.authorization_pb2 import (
    INTERACTION_KIND_CONSENT,
    INTERACTION_KIND_RESUME,
    INTERACTION_KIND_SIGN_IN,
    INTERACTION_KIND_UNSPECIFIED,
    RESPONSE_MODE_FORM_POST,
    RESPONSE_MODE_FRAGMENT,
)
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.fakes import ATTESTED, a_response

BROWSER, SESSION = "latchkey-browser", "latchkey-session"


def pairs(message: Any) -> list[tuple[str, str]]:
    return [(parameter.name, parameter.value) for parameter in message.parameters]


async def test_a_request_needs_no_cookie_and_calls_only_the_token_service(browser, services):
    services.token.says["Authorize"] = a_response()
    answer = await browser.get("/authorize?client_id=c&scope=openid%20email&state=a%2Bb+c")
    assert answer.status == 303
    assert answer.location == "https://app.example/callback?code=c0de&state=xyz&iss=http%3A%2F%2Flocalhost%3A8080"
    asked = services.token.asked("Authorize")
    assert pairs(asked) == [("client_id", "c"), ("scope", "openid email"), ("state", "a+b c")]
    assert not asked.HasField("session")
    assert not asked.defer
    assert services.authentication.calls == []


async def test_with_session_and_consent_it_is_one_call_to_each_of_two_services(browser, services):
    services.signed_in()
    services.token.says["Authorize"] = a_response()
    browser.cookies = {SESSION: new_secret(), BROWSER: new_secret()}
    await browser.get("/authorize?client_id=c")
    assert services.authentication.names() == ["GetSession"]
    assert services.token.names() == ["Authorize"]
    assert services.authentication.asked("GetSession").session_secret == browser.cookies[SESSION]
    assert services.token.asked("Authorize").session == ATTESTED
    assert services.token.asked("Authorize").browser_secret == browser.cookies[BROWSER]


async def test_a_dead_session_is_no_session(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    browser.cookies = {SESSION: new_secret()}
    await browser.get("/authorize?client_id=c")
    assert not services.token.asked("Authorize").HasField("session")


@pytest.mark.s(61)
async def test_duplicates_and_blanks_arrive_as_they_were_sent(browser, services):
    services.token.says["Authorize"] = a_response()
    await browser.get("/authorize?state=1&client_id=c&state=2&nonce=&x;y=1")
    expected = [("state", "1"), ("client_id", "c"), ("state", "2"), ("nonce", ""), ("x;y", "1")]
    assert pairs(services.token.asked("Authorize")) == expected


@pytest.mark.s(39)
@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (INTERACTION_KIND_SIGN_IN, "/sign-in"),
        (INTERACTION_KIND_CONSENT, "/consent"),
        (INTERACTION_KIND_RESUME, "/authorize/resume"),
    ],
)
async def test_an_interaction_goes_to_its_page_and_binds_the_browser(browser, services, kind, page):
    services.token.says["Authorize"] = services.wants(kind)
    answer = await browser.get("/authorize?client_id=c")
    assert (answer.status, answer.location) == (303, f"{page}?request={services.request_id}")
    secret = services.token.asked("Authorize").browser_secret
    assert len(secret) == 43
    assert browser.cookies[BROWSER] == secret


async def test_a_browser_keeps_the_secret_it_has(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    browser.cookies = {BROWSER: new_secret()}
    answer = await browser.get("/authorize?client_id=c")
    assert answer.cookies == {}
    assert services.token.asked("Authorize").browser_secret == browser.cookies[BROWSER]


async def test_an_answer_for_the_client_sets_no_cookie(browser, services):
    services.token.says["Authorize"] = a_response()
    assert (await browser.get("/authorize?client_id=c")).cookies == {}


async def test_a_decision_that_nobody_knows_is_our_fault(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_UNSPECIFIED)
    answer = await browser.get("/authorize?client_id=c")
    assert (answer.status, answer.html.one("main")["data-error"]) == (500, "server_error")


@pytest.mark.s(37)
async def test_a_post_without_cookies_is_deferred_and_looked_at_again_by_get(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_RESUME)
    form = [("client_id", "c"), ("state", "s"), ("state", "t")]
    answer = await browser.post("/authorize", form, Origin="https://app.example", Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.location) == (303, f"/authorize/resume?request={services.request_id}")
    asked = services.token.asked("Authorize")
    assert asked.defer
    assert pairs(asked) == form
    assert browser.cookies[BROWSER] == asked.browser_secret


@pytest.mark.parametrize("cookie", [BROWSER, SESSION])
async def test_a_post_with_cookies_is_judged_at_once(browser, services, cookie):
    services.token.says["Authorize"] = a_response()
    browser.cookies = {cookie: new_secret()}
    assert (await browser.post("/authorize", [("client_id", "c")])).status == 303
    assert not services.token.asked("Authorize").defer


@pytest.mark.s(39)
async def test_resuming_names_request_browser_and_session(browser, services):
    services.signed_in()
    services.token.says["ResumeAuthorization"] = a_response()
    browser.cookies = {SESSION: new_secret(), BROWSER: new_secret()}
    answer = await browser.get(f"/authorize/resume?request={services.request_id}")
    assert answer.status == 303
    asked = services.token.asked("ResumeAuthorization")
    assert (asked.request_id, asked.browser_secret) == (services.request_id, browser.cookies[BROWSER])
    assert asked.session == ATTESTED


@pytest.mark.s(39)
@pytest.mark.parametrize("path", ["/authorize/resume", "/sign-in", "/consent"])
@pytest.mark.parametrize("query", ["", "?request=", "?request=%22%3E", "?request=" + "a" * 500, "?request=a&request=b"])
async def test_what_cannot_be_a_request_id_is_refused_without_a_call(browser, services, path, query):
    browser.cookies = {BROWSER: new_secret()}
    answer = await browser.get(path + query)
    assert (answer.status, answer.html.one("main")["data-error"]) == (400, "invalid_request")
    assert services.token.calls == []


@pytest.mark.s(39)
@pytest.mark.parametrize("path", ["/authorize/resume", "/sign-in", "/consent"])
async def test_a_browser_without_its_cookie_cannot_continue_a_request(browser, services, path):
    answer = await browser.get(f"{path}?request={services.request_id}")
    assert answer.status == 400
    assert "started in another browser" in answer.html.text
    assert services.token.calls == []


@pytest.mark.parametrize("cookie", ['"', "\xff\xfe", "a.b", "a" * 200, "ü"])
async def test_a_cookie_that_cannot_be_ours_is_none(browser, services, cookie):
    services.token.says["Authorize"] = a_response()
    browser.cookies = {SESSION: cookie, BROWSER: cookie}
    assert (await browser.get("/authorize?client_id=c")).status == 303
    assert services.authentication.calls == []
    assert services.token.asked("Authorize").browser_secret != cookie


@pytest.mark.s(4)
async def test_an_error_of_the_token_service_is_a_page_and_never_a_redirect(browser, services):
    services.token.says["Authorize"] = InvalidRequest(
        "The redirect_uri is not registered for this client.",
        reason=Reason.REDIRECT_URI_UNREGISTERED,
        redirectable=False,
    )
    answer = await browser.get("/authorize?client_id=c&redirect_uri=https://evil.example")
    assert answer.status == 400
    assert "Location" not in answer.headers
    assert answer.html.one("main")["data-error"] == "invalid_request"
    assert "The redirect_uri is not registered for this client." in answer.html.text
    assert "evil.example" not in answer.text


async def test_the_endpoint_answers_no_head_request(browser, services):
    assert (await browser.request("HEAD", "/authorize?client_id=c")).status == 405
    assert services.token.calls == []


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        ("https://app.example/cb", "https://app.example/cb?code=c&state=a%20b%26%22"),
        ("https://app.example/cb?a=%7e&b=+", "https://app.example/cb?a=%7e&b=+&code=c&state=a%20b%26%22"),
        ("https://app.example/cb?", "https://app.example/cb?code=c&state=a%20b%26%22"),
        ("https://app.example/%41%2f", "https://app.example/%41%2f?code=c&state=a%20b%26%22"),
        ("com.example.app:/cb", "com.example.app:/cb?code=c&state=a%20b%26%22"),
        ("http://[::1]:5000/cb", "http://[::1]:5000/cb?code=c&state=a%20b%26%22"),
    ],
)
async def test_the_query_is_appended_to_what_the_client_registered_byte_by_byte(
    browser, services, registered, expected
):
    parameters = [("code", "c"), ("state", 'a b&"')]
    services.token.says["Authorize"] = a_response(parameters, redirect_uri=registered)
    assert (await browser.get("/authorize?client_id=c")).location == expected


async def test_a_fragment_answer_leaves_the_query_alone(browser, services):
    services.token.says["Authorize"] = a_response(
        [("error", "access_denied"), ("state", "#?&")],
        redirect_uri="https://app.example/cb?a=b",
        mode=RESPONSE_MODE_FRAGMENT,
    )
    location = (await browser.get("/authorize?client_id=c")).location
    assert location == "https://app.example/cb?a=b#error=access_denied&state=%23%3F%26"


@pytest.mark.s(8, 73)
async def test_a_form_post_answer_posts_to_the_client_and_nowhere_else(browser, services):
    services.token.says["Authorize"] = a_response(
        [("code", "c0de"), ("state", '"><script>alert(1)</script>')],
        redirect_uri="https://app.example:8443/cb?a=b&c=d",
        mode=RESPONSE_MODE_FORM_POST,
    )
    answer = await browser.get("/authorize?client_id=c")
    html = answer.html
    assert answer.status == 200
    assert html.one("main")["data-page"] == "form-post"
    assert html.one("form") == {"method": "post", "action": "https://app.example:8443/cb?a=b&c=d"}
    assert html.hidden == {"code": "c0de", "state": '"><script>alert(1)</script>'}
    assert "name" not in html.by_id("form-post-submit")
    assert answer.text.count("<script") == 1
    assert answer.policy["form-action"] == "https://app.example:8443"
    assert answer.policy["default-src"] == "'none'"
    assert answer.policy["script-src"] == f"'nonce-{html.one('script')['nonce']}'"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.s(8)
async def test_every_form_post_page_has_a_nonce_of_its_own(browser, services):
    services.token.says["Authorize"] = a_response(mode=RESPONSE_MODE_FORM_POST)
    nonces = {(await browser.get("/authorize?client_id=c")).html.one("script")["nonce"] for _ in range(3)}
    assert len(nonces) == 3


@pytest.mark.s(3, 8)
@pytest.mark.parametrize("mode", [1, RESPONSE_MODE_FRAGMENT, RESPONSE_MODE_FORM_POST])
@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)//",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "/relative",
        "https://a/\r\nX: y",
    ],
)
async def test_a_uri_that_a_browser_would_run_is_never_followed(browser, services, uri, mode):
    services.token.says["Authorize"] = a_response(redirect_uri=uri, mode=mode)
    answer = await browser.get("/authorize?client_id=c")
    assert answer.status == 500
    assert uri not in answer.text


async def test_a_form_is_never_posted_to_a_native_app(browser, services):
    services.token.says["Authorize"] = a_response(redirect_uri="com.example.app:/cb", mode=RESPONSE_MODE_FORM_POST)
    assert (await browser.get("/authorize?client_id=c")).status == 500

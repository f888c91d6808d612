"""The authorization endpoint: calls to other services, and responses to the browser."""

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


async def test_authorize_without_cookies_calls_only_token(browser, services):
    services.token.says["Authorize"] = a_response()
    answer = await browser.get("/authorize?client_id=c&scope=openid%20email&state=a%2Bb+c")
    assert answer.status == 303
    assert answer.location == "https://app.example/callback?code=c0de&state=xyz&iss=http%3A%2F%2Flocalhost%3A8080"
    asked = services.token.asked("Authorize")
    assert pairs(asked) == [("client_id", "c"), ("scope", "openid email"), ("state", "a+b c")]
    assert not asked.HasField("session")
    assert not asked.defer
    assert services.authentication.calls == []


async def test_authorize_with_session_and_consent_makes_one_call_to_each_of_two_services(browser, services):
    services.signed_in()
    services.token.says["Authorize"] = a_response()
    browser.cookies = {SESSION: new_secret(), BROWSER: new_secret()}
    await browser.get("/authorize?client_id=c")
    assert services.authentication.names() == ["GetSession"]
    assert services.token.names() == ["Authorize"]
    assert services.authentication.asked("GetSession").session_secret == browser.cookies[SESSION]
    assert services.token.asked("Authorize").session == ATTESTED
    assert services.token.asked("Authorize").browser_secret == browser.cookies[BROWSER]


async def test_authorize_sends_no_session_when_it_has_ended(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    browser.cookies = {SESSION: new_secret()}
    await browser.get("/authorize?client_id=c")
    assert not services.token.asked("Authorize").HasField("session")


@pytest.mark.s(61)
async def test_authorize_passes_on_duplicate_and_empty_parameters(browser, services):
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
async def test_interaction_redirects_to_its_page_and_sets_the_binding_cookie(browser, services, kind, page):
    services.token.says["Authorize"] = services.wants(kind)
    answer = await browser.get("/authorize?client_id=c")
    assert (answer.status, answer.location) == (303, f"{page}?request={services.request_id}")
    secret = services.token.asked("Authorize").browser_secret
    assert len(secret) == 43
    assert browser.cookies[BROWSER] == secret


async def test_authorize_keeps_an_existing_binding_cookie(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    browser.cookies = {BROWSER: new_secret()}
    answer = await browser.get("/authorize?client_id=c")
    assert answer.cookies == {}
    assert services.token.asked("Authorize").browser_secret == browser.cookies[BROWSER]


async def test_authorization_response_sets_no_cookie(browser, services):
    services.token.says["Authorize"] = a_response()
    assert (await browser.get("/authorize?client_id=c")).cookies == {}


async def test_unknown_interaction_kind_is_a_server_error(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_UNSPECIFIED)
    answer = await browser.get("/authorize?client_id=c")
    assert (answer.status, answer.html.one("main")["data-error"]) == (500, "server_error")


@pytest.mark.s(37)
async def test_post_without_cookies_is_deferred_and_resumed_by_get(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_RESUME)
    form = [("client_id", "c"), ("state", "s"), ("state", "t")]
    answer = await browser.post("/authorize", form, Origin="https://app.example", Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.location) == (303, f"/authorize/resume?request={services.request_id}")
    asked = services.token.asked("Authorize")
    assert asked.defer
    assert pairs(asked) == form
    assert browser.cookies[BROWSER] == asked.browser_secret


@pytest.mark.parametrize("cookie", [BROWSER, SESSION])
async def test_post_with_cookies_is_not_deferred(browser, services, cookie):
    services.token.says["Authorize"] = a_response()
    browser.cookies = {cookie: new_secret()}
    assert (await browser.post("/authorize", [("client_id", "c")])).status == 303
    assert not services.token.asked("Authorize").defer


@pytest.mark.s(39)
async def test_resume_sends_request_browser_and_session(browser, services):
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
async def test_malformed_request_id_is_refused_without_a_call(browser, services, path, query):
    browser.cookies = {BROWSER: new_secret()}
    answer = await browser.get(path + query)
    assert (answer.status, answer.html.one("main")["data-error"]) == (400, "invalid_request")
    assert services.token.calls == []


@pytest.mark.s(39)
@pytest.mark.parametrize("path", ["/authorize/resume", "/sign-in", "/consent"])
async def test_pending_request_is_refused_without_the_binding_cookie(browser, services, path):
    answer = await browser.get(f"{path}?request={services.request_id}")
    assert answer.status == 400
    assert "started in another browser" in answer.html.text
    assert services.token.calls == []


@pytest.mark.parametrize("cookie", ['"', "\xff\xfe", "a.b", "a" * 200, "ü"])
async def test_malformed_cookie_is_ignored(browser, services, cookie):
    services.token.says["Authorize"] = a_response()
    browser.cookies = {SESSION: cookie, BROWSER: cookie}
    assert (await browser.get("/authorize?client_id=c")).status == 303
    assert services.authentication.calls == []
    assert services.token.asked("Authorize").browser_secret != cookie


@pytest.mark.s(4)
async def test_token_service_error_is_a_page_and_no_redirect(browser, services):
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


@pytest.mark.parametrize("path", ["/authorize?client_id=c", "/authorize/resume?request=x", "/logout", "/sign-in"])
async def test_head_request_gets_headers_and_changes_nothing(browser, services, path):
    answer = await browser.request("HEAD", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.body, answer.cookies) == (b"", {})
    assert services.token.calls == []


NAVIGATION = {"Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize("uri", ["https://app.example/cb?a=b", "http://127.0.0.1:5000/cb"])
async def test_browser_leaves_by_a_page_after_a_form(browser, services, uri):
    """Chromium applies form-action to the redirects of the client as well: the page ends the chain."""
    services.token.says["ResumeAuthorization"] = a_response([("code", "c&d")], redirect_uri=uri)
    browser.cookies["latchkey-browser"] = new_secret()
    answer = await browser.get(f"/authorize/resume?request={services.request_id}", **NAVIGATION)
    assert (answer.status, answer.html.one("main")["data-page"]) == (200, "continue")
    to = f"{uri}{'&' if '?' in uri else '?'}code=c%26d"
    assert answer.html.by_id("continue")["href"] == to
    assert {"http-equiv": "refresh", "content": f"0; url={to}"} in answer.html.all("meta")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.policy["form-action"] == "'none'"


async def test_program_without_fetch_metadata_is_redirected_after_a_form(browser, services):
    services.token.says["ResumeAuthorization"] = a_response([("code", "c")], redirect_uri="https://app.example/cb")
    browser.cookies["latchkey-browser"] = new_secret()
    answer = await browser.get(f"/authorize/resume?request={services.request_id}")
    assert (answer.status, answer.location) == (303, "https://app.example/cb?code=c")


async def test_private_scheme_is_redirected_to_after_a_form(browser, services):
    """An app opens only in response to what the user did."""
    services.token.says["ResumeAuthorization"] = a_response([("code", "c")], redirect_uri="com.example.app:/cb")
    browser.cookies["latchkey-browser"] = new_secret()
    answer = await browser.get(f"/authorize/resume?request={services.request_id}", **NAVIGATION)
    assert (answer.status, answer.location) == (303, "com.example.app:/cb?code=c")


async def test_browser_without_a_form_is_redirected(browser, services):
    services.token.says["Authorize"] = a_response([("code", "c")], redirect_uri="https://app.example/cb")
    assert (await browser.get("/authorize?client_id=c", **NAVIGATION)).status == 303


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
async def test_location_appends_the_query_to_the_registered_uri_unchanged(browser, services, registered, expected):
    parameters = [("code", "c"), ("state", 'a b&"')]
    services.token.says["Authorize"] = a_response(parameters, redirect_uri=registered)
    assert (await browser.get("/authorize?client_id=c")).location == expected


async def test_location_in_fragment_mode_keeps_the_query(browser, services):
    services.token.says["Authorize"] = a_response(
        [("error", "access_denied"), ("state", "#?&")],
        redirect_uri="https://app.example/cb?a=b",
        mode=RESPONSE_MODE_FRAGMENT,
    )
    location = (await browser.get("/authorize?client_id=c")).location
    assert location == "https://app.example/cb?a=b#error=access_denied&state=%23%3F%26"


@pytest.mark.s(8, 73)
async def test_form_post_page_posts_to_the_client_only(browser, services):
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
async def test_form_post_page_has_a_new_nonce_each_time(browser, services):
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
async def test_authorization_response_refuses_script_uris(browser, services, uri, mode):
    services.token.says["Authorize"] = a_response(redirect_uri=uri, mode=mode)
    answer = await browser.get("/authorize?client_id=c")
    assert answer.status == 500
    assert uri not in answer.text


async def test_form_post_is_refused_for_a_native_redirect_uri(browser, services):
    services.token.says["Authorize"] = a_response(redirect_uri="com.example.app:/cb", mode=RESPONSE_MODE_FORM_POST)
    assert (await browser.get("/authorize?client_id=c")).status == 500

"""session_state and the session check frame (OpenID Connect Session Management 1.0)."""

import hashlib

import pytest

from latchkey.token.v1.authorization_pb2 import RESPONSE_MODE_FRAGMENT
from libs.crypto.random import new_secret
from services.authorize_frontend.http.shared.session_state import browser_state, session_state
from tests.unit.authorize_frontend.fakes import a_response


@pytest.mark.parametrize(
    ("redirect_uri", "origin"),
    [
        ("https://app.example/cb?x=y", "https://app.example"),
        ("https://App.Example:443/cb", "https://app.example"),
        ("http://localhost:80/cb", "http://localhost"),
        ("https://app.example:8443/cb", "https://app.example:8443"),
        ("http://[::1]:3000/cb", "http://[::1]:3000"),
    ],
)
def test_session_state_depends_on_client_origin_and_browser(redirect_uri: str, origin: str) -> None:
    made = session_state("c_1", redirect_uri=redirect_uri, state="s", salt="pepper")
    assert made == hashlib.sha256(f"c_1 {origin} s pepper".encode()).hexdigest() + ".pepper"
    assert " " not in session_state("c_1", redirect_uri=redirect_uri, state="s")


def test_browser_state_changes_with_the_session_and_hides_its_secret() -> None:
    secret = new_secret()
    assert browser_state(secret) == browser_state(secret) != browser_state(new_secret())
    assert secret not in browser_state(secret)
    assert browser_state(None) == ""


async def test_session_state_is_in_openid_connect_responses_only(browser, services) -> None:
    secret = new_secret()
    services.signed_in()
    browser.cookies = {"latchkey-session": secret}
    services.token.says["Authorize"] = a_response(mode=RESPONSE_MODE_FRAGMENT)
    assert "session_state" not in (await browser.get("/authorize?client_id=c")).location
    services.token.says["Authorize"].response.session_state_client_id = "c"
    location = (await browser.get("/authorize?client_id=c")).location
    value = location.partition("session_state=")[2]
    salt = value.partition(".")[2]
    assert value == session_state("c", redirect_uri="https://app.example", state=browser_state(secret), salt=salt)


async def test_session_state_of_an_ended_session_is_that_of_no_session(browser, services) -> None:
    browser.cookies = {"latchkey-session": new_secret(), "latchkey-state": "before"}
    services.token.says["Authorize"] = a_response(mode=RESPONSE_MODE_FRAGMENT)
    services.token.says["Authorize"].response.session_state_client_id = "c"
    page = await browser.get("/authorize?client_id=c")
    value = page.location.partition("session_state=")[2]
    salt = value.partition(".")[2]
    assert value == session_state("c", redirect_uri="https://app.example", state="", salt=salt)
    assert not browser.cookies.get("latchkey-state")
    assert browser.cookies["latchkey-session"]  # forms in other tabs hang on it


@pytest.mark.s(10)
async def test_check_session_page_can_be_framed_and_runs_one_script(browser) -> None:
    page = await browser.get("/check-session")
    assert "X-Frame-Options" not in page.headers
    assert page.policy["frame-ancestors"] == "http: https:"
    assert page.policy["default-src"] == page.policy["form-action"] == page.policy["base-uri"] == "'none'"
    assert page.policy["script-src"] == "'self'"
    assert not page.html.all("form")
    (script,) = page.html.all("script")
    assert (await browser.get(script["src"])).headers["Content-Type"] == "text/javascript; charset=utf-8"

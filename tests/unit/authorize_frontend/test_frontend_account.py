"""The account page and the password page."""

from urllib.parse import urlencode

import pytest

from latchkey.authentication.v1.sessions_pb2 import ListedSession, ListSessionsResponse
from latchkey.token.v1.consents_pb2 import Connection, ListConnectionsResponse
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.browser import Page


@pytest.fixture
def signed_in(browser, services) -> None:
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    services.authentication.says["ListSessions"] = ListSessionsResponse(
        sessions=[
            ListedSession(session_id="here", is_current=True, ip_prefix="127.0.0.0/24"),
            ListedSession(session_id="there", ip_prefix="198.51.100.0/24"),
        ]
    )
    services.token.says["ListConnections"] = ListConnectionsResponse(
        connections=[Connection(client_id="c_notes", client_name="<b>Notes</b>", scopes=["openid", "email"])]
    )


def shown(answer: Page) -> str:
    return str(answer.html.one("main")["data-page"])


async def test_account_page_redirects_to_sign_in_without_a_session(browser, services):
    answer = await browser.get("/account")
    assert (answer.status, answer.location) == (303, "/account/sign-in")
    page = await browser.get("/account/sign-in")
    assert shown(page) == "login"
    after = await browser.post("/account/sign-in", page.html.press("login-submit", username="alice", password="pw"))
    assert (after.status, after.location) == (303, "/account")
    assert services.authentication.asked("SignIn").username == "alice"


async def test_reauthentication_redirects_to_sign_in_and_back_without_form_values(browser, services, signed_in):
    form = (await browser.get("/account")).html.press("end-there")
    services.authentication.says["EndOwnSessions"] = AccessDenied("x", reason=Reason.REAUTHENTICATION_REQUIRED)
    answer = await browser.post("/account/sessions", form)
    assert (answer.status, answer.location) == (303, "/account/sign-in")
    form = (await browser.get("/account/password")).html.press(
        "password-submit", current_password="a", new_password="b"
    )
    services.authentication.says["ChangePassword"] = AccessDenied("x", reason=Reason.REAUTHENTICATION_REQUIRED)
    answer = await browser.post("/account/password", form)
    assert answer.location == "/account/sign-in?to=%2Faccount%2Fpassword"
    page = await browser.get(answer.location)
    assert page.html.by_id("username")["value"] == "alice"
    after = await browser.post("/account/sign-in", page.html.press("login-submit", username="alice", password="pw"))
    assert after.location == "/account/password"


@pytest.mark.parametrize(
    "to",
    [
        *["https://evil.example/", "//evil.example", "/account//evil.example", "/authorize", "/account/../logout"],
        *["/logout", "/account/password?x=1", "/account/sign-in", "/account/%2f", "/account\n/x", "/account/", ""],
    ],
)
async def test_account_sign_in_redirects_to_account_pages_only(browser, services, to):
    page = await browser.get(f"/account/sign-in?{urlencode({'to': to})}")
    form = page.html.press("login-submit", username="alice", password="pw")
    assert form["to"] == "/account"
    assert (await browser.post("/account/sign-in", form)).location == "/account"
    assert (await browser.post("/account/sign-in", form | {"to": "/account/password"})).status == 403


async def test_account_page_lists_sessions_and_applications(browser, services, signed_in):
    answer = await browser.get("/account")
    assert shown(answer) == "account"
    assert "This browser" in answer.html.text
    assert "198.51.100.x" in answer.html.text
    assert "<b>Notes</b>" in answer.html.text  # as text
    assert answer.policy["form-action"] == "'self'"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("button", "session_id", "note"),
    [("end-there", "there", "session-ended"), ("end-other-sessions", "", "sessions-ended")],
)
async def test_account_page_ends_sessions(browser, services, signed_in, *, button, session_id, note):
    form = (await browser.get("/account")).html.press(button)
    answer = await browser.post("/account/sessions", form)
    assert answer.status == 303, answer.text
    assert answer.location == f"/account?note={note}"
    asked = services.authentication.asked("EndOwnSessions")
    assert (asked.session_id, asked.session_secret) == (session_id, browser.cookies["latchkey-session"])


async def test_account_page_removes_an_application(browser, services, signed_in):
    form = (await browser.get("/account")).html.press("remove-c_notes")
    answer = await browser.post("/account/applications", form)
    assert (answer.status, answer.location) == (303, "/account?note=application-removed")
    assert services.token.asked("WithdrawConsent").client_id == "c_notes"
    assert services.token.asked("WithdrawConsent").HasField("session")


@pytest.mark.s(37)
@pytest.mark.parametrize(
    ("button", "path", "name", "other"),
    [
        ("end-there", "/account/sessions", "session", "elsewhere"),
        ("end-there", "/account/sessions", "session", ""),
        ("remove-c_notes", "/account/applications", "application", "c_other"),
    ],
)
async def test_account_form_is_refused_for_another_subject(browser, services, signed_in, *, button, path, name, other):
    form = (await browser.get("/account")).html.press(button)
    assert (await browser.post(path, {**form, name: other})).status == 403
    assert (await browser.post(path, {**form, "csrf": ""})).status == 403
    assert {"EndOwnSessions", "WithdrawConsent"}.isdisjoint(services.authentication.names() + services.token.names())


async def test_account_page_ignores_unknown_note(browser, signed_in):
    assert "account-note" not in (await browser.get("/account?note=%3Cb%3E")).text
    assert "account-note" in (await browser.get("/account?note=password-changed")).text


async def test_change_password_redirects_to_the_account(browser, services, signed_in):
    form = (await browser.get("/account/password")).html.press(
        "password-submit", current_password="old", new_password="a new one"
    )
    answer = await browser.post("/account/password", form)
    assert (answer.status, answer.location) == (303, "/account?note=password-changed")
    asked = services.authentication.asked("ChangePassword")
    assert (asked.current_password, asked.new_password) == ("old", "a new one")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (AccessDenied("x", reason=Reason.WRONG_CREDENTIALS), "Current password is incorrect."),
        (
            InvalidRequest("A password needs at least 8 characters.", reason=Reason.PASSWORD_TOO_SHORT),
            "Use at least 8 characters.",
        ),
        (
            TemporarilyUnavailable("x", reason=Reason.SIGN_IN_THROTTLED, retry_after=120),
            "Please try again in 2 minutes.",
        ),
    ],
)
async def test_change_password_shows_the_problem_without_typed_values(browser, services, signed_in, refusal, words):
    services.authentication.says["ChangePassword"] = refusal
    form = (await browser.get("/account/password")).html.press(
        "password-submit", current_password="old-secret", new_password="new-secret"
    )
    answer = await browser.post("/account/password", form)
    assert words in answer.html.text
    assert "old-secret" not in answer.text
    assert "new-secret" not in answer.text


async def test_change_password_makes_no_call_when_a_field_is_empty(browser, services, signed_in):
    form = (await browser.get("/account/password")).html.press("password-submit")
    answer = await browser.post("/account/password", form)
    assert "Please enter" in answer.html.text
    assert "ChangePassword" not in services.authentication.names()

"""The sign-in page: what it shows, what it passes on, and what it refuses."""

import pytest

from latchkey.token.v1.authorization_pb2 import DECISION_DENY
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.fakes import a_response, an_interaction

WRONG = AccessDenied("x", reason=Reason.WRONG_CREDENTIALS)
TYPED = {"username": "alice", "password": "alice-password"}


@pytest.fixture
def page_path(browser, services) -> str:
    browser.cookies = {"latchkey-browser": new_secret()}
    return f"/sign-in?request={services.request_id}"


async def test_the_page_says_who_asks_and_has_the_handles(browser, services, page_path):
    answer = await browser.get(page_path)
    html = answer.html
    assert answer.status == 200
    assert html.one("main")["data-page"] == "login"
    assert html.one("html")["lang"] == "en"
    assert "Acme Notes" in html.text
    assert html.by_id("username")["autocomplete"] == "username"
    assert html.by_id("password")["autocomplete"] == "current-password"
    assert {label["for"] for label in html.all("label")} == {"username", "password"}
    assert html.has_id("login-submit")
    assert "formnovalidate" in html.by_id("login-cancel")
    asked = services.token.asked("GetInteraction")
    assert (asked.request_id, asked.browser_secret) == (services.request_id, browser.cookies["latchkey-browser"])


async def test_enter_signs_in_rather_than_cancels(browser, page_path):
    buttons = (await browser.get(page_path)).html.all("button")
    assert buttons[0]["id"] == "login-submit"


async def test_no_control_of_a_form_shadows_the_properties_of_the_form(browser, page_path):
    names = {attributes.get("name") for _, attributes in (await browser.get(page_path)).html.elements}
    assert names.isdisjoint({"action", "submit", "method", "target", "elements", "id"})


async def test_the_hint_of_the_client_is_filled_in(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(login_hint='al"ice')
    html = (await browser.get(page_path)).html
    assert html.by_id("username")["value"] == 'al"ice'
    assert "autofocus" in html.by_id("password")


@pytest.mark.s(44)
async def test_logo_policy_and_terms_of_the_client_are_on_the_page(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(
        logo_uri="https://cdn.example/logo.png", policy_uri="https://a.example/p", tos_uri="https://b.example/t"
    )
    answer = await browser.get(page_path)
    images = answer.html.all("img")
    assert images[1]["src"] == "/logo/c_notes"  # not from where it comes: nobody there learns who is about to sign in
    links = {link["href"]: link["rel"] for link in answer.html.links}
    assert links == {"https://a.example/p": "noopener noreferrer", "https://b.example/t": "noopener noreferrer"}
    assert answer.policy["img-src"] == "'self'"


@pytest.mark.s(44)
@pytest.mark.parametrize(
    "uri", ["http://a.example/x", "javascript:alert(1)", "data:image/png,x", "//a.example", "https:", ""]
)
async def test_what_is_not_https_is_left_out(browser, services, page_path, uri):
    services.token.says["GetInteraction"] = an_interaction(logo_uri=uri, policy_uri=uri, tos_uri=uri)
    answer = await browser.get(page_path)
    assert len(answer.html.all("img")) == 1
    assert answer.html.links == []
    assert answer.policy["img-src"] == "'self'"


async def test_a_client_without_a_name_is_called_by_its_id(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(client_name="")
    assert "c_notes" in (await browser.get(page_path)).html.text


@pytest.mark.s(5, 38)
async def test_the_right_password_sets_the_session_and_goes_on(browser, services, page_path):
    page = await browser.get(page_path)
    binding = browser.cookies["latchkey-browser"]
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert (answer.status, answer.location) == (303, f"/authorize/resume?request={services.request_id}")
    assert browser.cookies["latchkey-session"] == services.authentication.says["SignIn"].session_secret
    assert browser.cookies["latchkey-browser"] == binding
    asked = services.authentication.asked("SignIn")
    assert (asked.username, asked.password, asked.session_secret) == ("alice", "alice-password", "")
    assert (asked.context.client_id, asked.context.correlation_id) == ("c_notes", "corr-1")
    assert asked.context.remote_address == "127.0.0.1"


@pytest.mark.s(38)
async def test_signing_in_again_names_the_session_that_it_replaces(browser, services, page_path):
    browser.cookies["latchkey-session"] = before = new_secret()
    page = await browser.get(page_path)
    await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert services.authentication.asked("SignIn").session_secret == before
    assert browser.cookies["latchkey-session"] != before


@pytest.mark.s(46)
async def test_a_wrong_password_shows_the_page_again_with_the_name_kept(browser, services, page_path):
    services.authentication.says["SignIn"] = WRONG
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", username="<alice>", password="secret-typo"))
    html = answer.html
    assert answer.status == 200
    assert "Incorrect username or password." in html.text
    assert html.by_id("username")["value"] == "<alice>"
    assert html.by_id("login-error")["role"] == "alert"
    assert html.by_id("password")["aria-describedby"] == "login-error"
    assert "secret-typo" not in answer.text
    assert "latchkey-session" not in browser.cookies


async def test_the_page_after_a_wrong_password_can_be_used(browser, services, page_path):
    services.authentication.says["SignIn"], right = WRONG, services.authentication.says["SignIn"]
    page = await browser.get(page_path)
    again = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    services.authentication.says["SignIn"] = right
    assert (await browser.post(page_path, again.html.press("login-submit", **TYPED))).status == 303


@pytest.mark.parametrize("typed", [{"username": "alice", "password": ""}, {"username": "", "password": "x"}])
async def test_an_empty_field_costs_no_password_check(browser, services, page_path, typed):
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", **typed))
    assert "Please enter your username and password." in answer.html.text
    assert "SignIn" not in services.authentication.names()


async def test_cancelling_tells_the_client_without_a_password_check(browser, services, page_path):
    services.token.says["DecideAuthorization"] = a_response([("error", "access_denied")])
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-cancel", username="", password=""))
    assert (answer.status, answer.location) == (303, "https://app.example/callback?error=access_denied")
    asked = services.token.asked("DecideAuthorization")
    assert (asked.request_id, asked.decision) == (services.request_id, DECISION_DENY)
    assert "SignIn" not in services.authentication.names()


async def test_a_full_hashing_queue_says_when_to_come_back(browser, services, page_path):
    services.authentication.says["SignIn"] = TemporarilyUnavailable(reason=Reason.PASSWORD_QUEUE_FULL, retry_after=7)
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert answer.html.by_id("try-again")["href"] == f"/authorize/resume?request={services.request_id}"


async def test_another_refusal_than_wrong_credentials_is_an_error_page(browser, services, page_path):
    services.authentication.says["SignIn"] = AccessDenied("Not here.", reason=Reason.INTERNAL)
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert (answer.status, answer.html.one("main")["data-error"]) == (403, "access_denied")


@pytest.mark.s(39)
@pytest.mark.parametrize(
    "reason", ["REQUEST_UNKNOWN", "REQUEST_EXPIRED", "REQUEST_COMPLETED", "REQUEST_OF_ANOTHER_BROWSER"]
)
async def test_a_request_that_is_over_says_to_start_again(browser, services, page_path, reason):
    services.token.says["GetInteraction"] = InvalidRequest("The request is unknown.", reason=reason)
    answer = await browser.get(page_path)
    assert (answer.status, answer.html.one("main")["data-error"]) == (400, "invalid_request")
    assert "Go back to the app and sign in again." in answer.html.text


@pytest.mark.s(47)
@pytest.mark.parametrize(("seconds", "words"), [(1, "in 1 second."), (8, "in 8 seconds."), (61, "in 2 minutes.")])
async def test_who_has_to_wait_is_told_how_long(browser, services, page_path, seconds, words):
    page = await browser.get(page_path)
    services.authentication.says["SignIn"] = TemporarilyUnavailable(
        reason=Reason.SIGN_IN_THROTTLED, retry_after=seconds
    )
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert answer.status == 200
    assert words in answer.html.text
    assert answer.html.by_id("username")["value"] == "alice"

"""The sign-in page."""

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


async def test_sign_in_page_shows_the_client_and_has_the_documented_ids(browser, services, page_path):
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


async def test_sign_in_button_is_the_default_button(browser, page_path):
    buttons = (await browser.get(page_path)).html.all("button")
    assert buttons[0]["id"] == "login-submit"


async def test_sign_in_form_controls_do_not_shadow_form_properties(browser, page_path):
    names = {attributes.get("name") for _, attributes in (await browser.get(page_path)).html.elements}
    assert names.isdisjoint({"action", "submit", "method", "target", "elements", "id"})


async def test_sign_in_page_fills_in_the_login_hint(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(login_hint='al"ice')
    html = (await browser.get(page_path)).html
    assert html.by_id("username")["value"] == 'al"ice'
    assert "autofocus" in html.by_id("password")


async def test_repeated_sign_in_names_the_signed_in_user(browser, services, page_path):
    """prompt=login and max_age: the page says that the sign-in is repeated, and for which user."""
    first = (await browser.get(page_path)).html
    assert not first.has_id("sign-in-again")
    services.signed_in(display_name="Alice Ansel")
    browser.cookies["latchkey-session"] = new_secret()
    page = (await browser.get(page_path)).html
    assert page.has_id("sign-in-again")
    assert "Alice Ansel" in page.text
    assert "Sign in again" in page.text


@pytest.mark.s(44)
async def test_links_to_policy_and_terms_are_before_the_form(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(
        policy_uri="https://a.example/p", tos_uri="https://b.example/t"
    )
    text = (await browser.get(page_path)).text
    assert text.index("https://a.example/p") < text.index("https://b.example/t") < text.index('id="username"')


@pytest.mark.s(44)
async def test_sign_in_page_shows_logo_policy_and_terms_of_the_client(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(
        logo_uri="https://cdn.example/logo.png", policy_uri="https://a.example/p", tos_uri="https://b.example/t"
    )
    answer = await browser.get(page_path)
    images = answer.html.all("img")
    assert images[1]["src"] == "/logo/c_notes"  # from this origin, not from the host of the logo
    links = {link["href"]: link["rel"] for link in answer.html.links}
    assert links == {"https://a.example/p": "noopener noreferrer", "https://b.example/t": "noopener noreferrer"}
    assert answer.policy["img-src"] == "'self'"


@pytest.mark.s(44)
@pytest.mark.parametrize(
    "uri", ["http://a.example/x", "javascript:alert(1)", "data:image/png,x", "//a.example", "https:", ""]
)
async def test_sign_in_page_leaves_out_links_that_are_not_https(browser, services, page_path, uri):
    services.token.says["GetInteraction"] = an_interaction(logo_uri=uri, policy_uri=uri, tos_uri=uri)
    answer = await browser.get(page_path)
    assert len(answer.html.all("img")) == 1
    assert answer.html.links == []
    assert answer.policy["img-src"] == "'self'"


async def test_page_shows_the_client_id_when_the_client_has_no_name(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(client_name="")
    assert "c_notes" in (await browser.get(page_path)).html.text


@pytest.mark.s(5, 38)
async def test_sign_in_sets_the_session_and_resumes_the_request(browser, services, page_path):
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
async def test_sign_in_sends_the_session_that_it_replaces(browser, services, page_path):
    browser.cookies["latchkey-session"] = before = new_secret()
    page = await browser.get(page_path)
    await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert services.authentication.asked("SignIn").session_secret == before
    assert browser.cookies["latchkey-session"] != before


@pytest.mark.s(46)
async def test_sign_in_page_keeps_the_username_after_a_wrong_password(browser, services, page_path):
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


async def test_sign_in_works_from_the_page_after_a_wrong_password(browser, services, page_path):
    services.authentication.says["SignIn"], right = WRONG, services.authentication.says["SignIn"]
    page = await browser.get(page_path)
    again = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    services.authentication.says["SignIn"] = right
    assert (await browser.post(page_path, again.html.press("login-submit", **TYPED))).status == 303


@pytest.mark.parametrize("typed", [{"username": "alice", "password": ""}, {"username": "", "password": "x"}])
async def test_sign_in_makes_no_call_when_a_field_is_empty(browser, services, page_path, typed):
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", **typed))
    assert "Please enter your username and password." in answer.html.text
    assert "SignIn" not in services.authentication.names()


async def test_sign_in_cancel_denies_the_request_without_a_password_check(browser, services, page_path):
    services.token.says["DecideAuthorization"] = a_response([("error", "access_denied")])
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-cancel", username="", password=""))
    assert (answer.status, answer.location) == (303, "https://app.example/callback?error=access_denied")
    asked = services.token.asked("DecideAuthorization")
    assert (asked.request_id, asked.decision) == (services.request_id, DECISION_DENY)
    assert "SignIn" not in services.authentication.names()


async def test_sign_in_sets_retry_after_when_the_hashing_queue_is_full(browser, services, page_path):
    services.authentication.says["SignIn"] = TemporarilyUnavailable(reason=Reason.PASSWORD_QUEUE_FULL, retry_after=7)
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert answer.html.by_id("try-again")["href"] == f"/authorize/resume?request={services.request_id}"


async def test_sign_in_shows_the_error_page_for_other_reasons(browser, services, page_path):
    services.authentication.says["SignIn"] = AccessDenied("Not here.", reason=Reason.INTERNAL)
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert (answer.status, answer.html.one("main")["data-error"]) == (403, "access_denied")


@pytest.mark.s(39)
@pytest.mark.parametrize(
    "reason", ["REQUEST_UNKNOWN", "REQUEST_EXPIRED", "REQUEST_COMPLETED", "REQUEST_OF_ANOTHER_BROWSER"]
)
async def test_sign_in_page_of_an_ended_request_says_to_sign_in_again(browser, services, page_path, reason):
    services.token.says["GetInteraction"] = InvalidRequest("The request is unknown.", reason=reason)
    answer = await browser.get(page_path)
    assert (answer.status, answer.html.one("main")["data-error"]) == (400, "invalid_request")
    assert "Go back to the app and sign in again." in answer.html.text


@pytest.mark.s(47)
@pytest.mark.parametrize(("seconds", "words"), [(1, "in 1 second."), (8, "in 8 seconds."), (61, "in 2 minutes.")])
async def test_sign_in_page_shows_the_wait_when_throttled(browser, services, page_path, seconds, words):
    page = await browser.get(page_path)
    services.authentication.says["SignIn"] = TemporarilyUnavailable(
        reason=Reason.SIGN_IN_THROTTLED, retry_after=seconds
    )
    answer = await browser.post(page_path, page.html.press("login-submit", **TYPED))
    assert answer.status == 200
    assert words in answer.html.text
    assert answer.html.by_id("username")["value"] == "alice"

"""Forms of ours: only from our page, in this browser, about this request, in this session."""

from typing import Any

import pytest

from latchkey.token.v1.authorization_pb2 import CheckLogoutResponse
from libs.crypto.random import new_secret
from services.authorize_frontend.http.shared import csrf
from tests.unit.authorize_frontend.browser import Browser, Page
from tests.unit.authorize_frontend.fakes import FakeServices, a_response

FORMS = ["sign-in", "consent", "logout"]
BUTTONS = {"sign-in": "login-submit", "consent": "consent-allow", "logout": "logout-confirm"}
POWERS = {"SignIn", "DecideAuthorization", "EndSession"}


@pytest.fixture
async def form(request, browser, services):
    """One of our forms as the browser got it: where it posts to, and its fields."""
    services.signed_in()
    services.token.says |= {"DecideAuthorization": a_response(), "CheckLogout": CheckLogoutResponse()}
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    name = request.param
    path = "/logout?client_id=c" if name == "logout" else f"/{name}?request={services.request_id}"
    html = (await browser.get(path)).html
    typed = {"username": "alice", "password": "pw"} if name == "sign-in" else {}
    return html.one("form")["action"], html.press(BUTTONS[name], **typed)


async def refused(browser: Browser, services: FakeServices, action: str, fields: Any, **headers: str) -> Page:
    answer = await browser.post(action, fields, **headers)
    assert answer.status == 403
    assert answer.html.one("main")["data-error"] == "access_denied"
    assert POWERS.isdisjoint(services.token.names() + services.authentication.names())
    return answer


@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_the_form_as_it_was_given_is_taken(browser, services, form):
    answer = await browser.post(*form, Origin="null", Sec_Fetch_Site="same-origin")
    assert answer.status in {200, 303}
    assert not POWERS.isdisjoint(services.token.names() + services.authentication.names())


@pytest.mark.s(37)
@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize("token", [None, "", "A" * 43, "ü"])
async def test_a_missing_or_wrong_token_is_refused(browser, services, form, token):
    action, fields = form
    changed = {name: value for name, value in fields.items() if name != "csrf"}
    await refused(browser, services, action, changed if token is None else changed | {"csrf": token})


@pytest.mark.s(37)
@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_the_token_twice_is_none(browser, services, form):
    action, fields = form
    await refused(browser, services, action, [*fields.items(), ("csrf", fields["csrf"])])


@pytest.mark.s(37, 39)
@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_the_token_of_another_browser_is_refused(browser, services, form):
    browser.cookies["latchkey-browser"] = new_secret()
    await refused(browser, services, *form)


@pytest.mark.s(37)
@pytest.mark.parametrize("form", ["logout"], indirect=True)
async def test_without_the_binding_cookie_no_token_holds(browser, services, form):
    del browser.cookies["latchkey-browser"]
    await refused(browser, services, *form)


@pytest.mark.s(37, 38)
@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_a_token_from_before_a_sign_in_is_no_good_after_it(browser, services, form):
    browser.cookies["latchkey-session"] = new_secret()
    await refused(browser, services, *form)


@pytest.mark.s(37)
@pytest.mark.parametrize("form", ["sign-in", "consent"], indirect=True)
async def test_the_token_of_another_request_is_refused(browser, services, form):
    action, fields = form
    await refused(browser, services, action, fields | {"request": new_secret()})


@pytest.mark.s(37)
@pytest.mark.parametrize("form", ["sign-in"], indirect=True)
async def test_the_token_of_another_form_is_refused(browser, services, form):
    _, fields = form
    await refused(browser, services, "/consent", fields | {"choice": "allow"})


@pytest.mark.s(37)
@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8081"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost:8080"},
    ],
)
async def test_a_right_token_from_another_site_is_refused(browser, services, form, headers):
    await refused(browser, services, *form, **headers)


@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "null"}, {"Origin": "http://localhost:8080"}, {"Sec_Fetch_Site": "none"}]
)
async def test_what_old_browsers_and_our_own_pages_say_is_taken(browser, services, form, headers):
    assert (await browser.post(*form, **headers)).status in {200, 303}


@pytest.mark.parametrize("form", ["sign-in", "consent"], indirect=True)
async def test_a_stale_page_leads_back_into_the_request(browser, services, form):
    browser.cookies["latchkey-session"] = new_secret()
    answer = await refused(browser, services, *form)
    assert answer.html.by_id("try-again")["href"] == f"/authorize/resume?request={services.request_id}"


@pytest.mark.s(37)
def test_the_parts_of_a_token_cannot_be_shifted_into_each_other():
    first = csrf.token("k", purpose="a", subject="bc", session_secret="d")
    assert first != csrf.token("k", purpose="ab", subject="c", session_secret="d")
    assert first != csrf.token("k", purpose="a", subject="b", session_secret="cd")
    assert first == csrf.token("k", purpose="a", subject="bc", session_secret="d")

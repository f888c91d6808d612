"""CSRF protection: forms are bound to page, browser, request and session."""

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
    """A form as the browser received it: its action and its fields."""
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
async def test_form_with_its_token_is_accepted(browser, services, form):
    answer = await browser.post(*form, Origin="null", Sec_Fetch_Site="same-origin")
    assert answer.status in {200, 303}
    assert not POWERS.isdisjoint(services.token.names() + services.authentication.names())


@pytest.mark.s(37)
@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize("token", [None, "", "A" * 43, "ü"])
async def test_form_is_refused_with_missing_or_wrong_token(browser, services, form, token):
    action, fields = form
    changed = {name: value for name, value in fields.items() if name != "csrf"}
    await refused(browser, services, action, changed if token is None else changed | {"csrf": token})


@pytest.mark.s(37)
@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_form_is_refused_with_repeated_token(browser, services, form):
    action, fields = form
    await refused(browser, services, action, [*fields.items(), ("csrf", fields["csrf"])])


@pytest.mark.s(37, 39)
@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_form_is_refused_with_token_of_another_browser(browser, services, form):
    browser.cookies["latchkey-browser"] = new_secret()
    await refused(browser, services, *form)


@pytest.mark.s(37)
@pytest.mark.parametrize("form", ["logout"], indirect=True)
async def test_form_is_refused_without_the_binding_cookie(browser, services, form):
    del browser.cookies["latchkey-browser"]
    await refused(browser, services, *form)


@pytest.mark.s(37, 38)
@pytest.mark.parametrize("form", FORMS, indirect=True)
async def test_form_is_refused_with_token_from_before_the_sign_in(browser, services, form):
    browser.cookies["latchkey-session"] = new_secret()
    await refused(browser, services, *form)


@pytest.mark.s(37)
@pytest.mark.parametrize("form", ["sign-in", "consent"], indirect=True)
async def test_form_is_refused_with_token_of_another_request(browser, services, form):
    action, fields = form
    await refused(browser, services, action, fields | {"request": new_secret()})


@pytest.mark.s(37)
@pytest.mark.parametrize("form", ["sign-in"], indirect=True)
async def test_form_is_refused_with_token_of_another_form(browser, services, form):
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
async def test_form_is_refused_from_another_site(browser, services, form, headers):
    await refused(browser, services, *form, **headers)


@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "null"}, {"Origin": "http://localhost:8080"}, {"Sec_Fetch_Site": "none"}]
)
async def test_form_is_accepted_with_headers_of_old_browsers_and_own_pages(browser, services, form, headers):
    assert (await browser.post(*form, **headers)).status in {200, 303}


@pytest.mark.parametrize("form", ["sign-in", "consent"], indirect=True)
async def test_stale_page_links_to_the_pending_request(browser, services, form):
    browser.cookies["latchkey-session"] = new_secret()
    answer = await refused(browser, services, *form)
    assert answer.html.by_id("try-again")["href"] == f"/authorize/resume?request={services.request_id}"


@pytest.mark.s(37)
def test_csrf_token_parts_are_separated():
    first = csrf.token("k", purpose="a", subject="bc", session_secret="d")
    assert first != csrf.token("k", purpose="ab", subject="c", session_secret="d")
    assert first != csrf.token("k", purpose="a", subject="b", session_secret="cd")
    assert first == csrf.token("k", purpose="a", subject="bc", session_secret="d")

"""The consent page."""

import pytest

from latchkey.token.v1.authorization_pb2 import DECISION_ALLOW, DECISION_DENY
from libs.crypto.random import new_secret
from tests.unit.authorize_frontend.fakes import ATTESTED, a_response, an_interaction


@pytest.fixture
def page_path(browser, services) -> str:
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    return f"/consent?request={services.request_id}"


async def test_consent_page_shows_client_user_and_scopes(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(
        scopes=["openid", "profile", "email", "address", "phone", "offline_access", "notes:write"]
    )
    html = (await browser.get(page_path)).html
    assert html.one("main")["data-page"] == "consent"
    for words in ("Acme Notes", "Alice Ansel", "alice", "app.example"):
        assert words in html.text
    for words in ("Verify your identity", "See your profile", "email address", "postal address", "phone number"):
        assert words in html.text
    assert "Keep access to your account" in html.text
    assert "notes:write" in html.text
    assert len(html.all("li")) == 7


async def test_consent_page_shows_a_repeated_scope_once(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(scopes=["email", "email"])
    assert len((await browser.get(page_path)).html.all("li")) == 1


@pytest.mark.s(56)
async def test_consent_page_shows_resources(browser, services, page_path):
    services.token.says["GetInteraction"] = an_interaction(
        scopes=["email"], resources=["https://orders.example/", "https://orders.example/v1?a=b", "urn:x:<i>api</i>"]
    )
    html = (await browser.get(page_path)).html
    assert len(html.all("li")) == 4
    for words in ("will have access to", "orders.example", "https://orders.example/v1?a=b", "urn:x:<i>api</i>"):
        assert words in html.text
    assert html.all("i") == []


async def test_consent_page_shows_no_resources_when_none_is_requested(browser, services, page_path):
    assert "will have access to" not in (await browser.get(page_path)).html.text


@pytest.mark.s(57)
async def test_consent_page_marks_a_self_registered_client(browser, services, page_path):
    assert "registered itself" not in (await browser.get(page_path)).html.text
    services.token.says["GetInteraction"] = an_interaction(self_registered=True)
    html = (await browser.get(page_path)).html
    assert html.has_id("unchecked-client")
    assert "Continue only if you trust app.example" in html.text
    native = an_interaction(self_registered=True, redirect_origin="com.example.app:")
    services.token.says["GetInteraction"] = native
    html = (await browser.get(page_path)).html
    assert "registered itself" in html.text
    assert "only if you trust" not in html.text


@pytest.mark.parametrize(("button", "decision"), [("consent-allow", DECISION_ALLOW), ("consent-deny", DECISION_DENY)])
async def test_consent_decision_is_sent_to_token_with_the_session(browser, services, page_path, button, decision):
    services.token.says["DecideAuthorization"] = a_response()
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.press(button))
    assert answer.status == 303
    assert answer.location.startswith("https://app.example/callback?code=")
    asked = services.token.asked("DecideAuthorization")
    assert (asked.request_id, asked.decision, asked.session) == (services.request_id, decision, ATTESTED)
    assert asked.browser_secret == browser.cookies["latchkey-browser"]


@pytest.mark.s(55)
@pytest.mark.parametrize("choice", ["", "maybe", "ALLOW"])
async def test_consent_form_without_a_decision_is_refused(browser, services, page_path, choice):
    page = await browser.get(page_path)
    answer = await browser.post(page_path, page.html.hidden | {"choice": choice})
    assert answer.status == 400
    assert "DecideAuthorization" not in services.token.names()


@pytest.mark.s(55)
@pytest.mark.parametrize("cookies", [["latchkey-browser"], ["latchkey-browser", "latchkey-session"]])
async def test_consent_page_redirects_to_resume_without_a_session(browser, services, page_path, cookies):
    services.authentication.says["GetSession"] = type(services.authentication.says["GetSession"])()
    browser.cookies = {name: browser.cookies[name] for name in cookies}
    answer = await browser.get(page_path)
    assert (answer.status, answer.location) == (303, f"/authorize/resume?request={services.request_id}")


@pytest.mark.s(40, 55)
async def test_consent_decision_has_no_session_when_it_has_ended(browser, services, page_path):
    services.token.says["DecideAuthorization"] = services.wants(1)
    page = await browser.get(page_path)
    services.authentication.says["GetSession"] = type(services.authentication.says["GetSession"])()
    answer = await browser.post(page_path, page.html.press("consent-allow"))
    assert answer.location == f"/sign-in?request={services.request_id}"
    assert not services.token.asked("DecideAuthorization").HasField("session")


async def test_consent_page_links_to_sign_in_as_another_user(browser, services, page_path):
    links = [link["href"] for link in (await browser.get(page_path)).html.links]
    assert f"/sign-in?request={services.request_id}" in links

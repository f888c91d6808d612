"""Connecting a device: what the pages say, what they pass on, and what no link can do."""

from datetime import timedelta

import pytest

from latchkey.device.v1.device_pb2 import DEVICE_DECISION_ALLOW, DEVICE_DECISION_DENY
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, InvalidRequest, LoginRequired, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.browser import Page
from tests.unit.authorize_frontend.fakes import ATTESTED, a_waiting_device

UNKNOWN = InvalidRequest("x", reason=Reason.USER_CODE_UNKNOWN)
TOO_MANY = TemporarilyUnavailable("x", reason=Reason.USER_CODE_ATTEMPTS, retry_after=240)
NOT_FRESH = LoginRequired("x", reason=Reason.SIGN_IN_NOT_FRESH)
WRONG = AccessDenied("x", reason=Reason.WRONG_CREDENTIALS)


@pytest.fixture
def signed_in(browser, services) -> None:
    """Just now."""
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}


async def the_question(browser, *, typed: str = "wdjb mjht"):
    """The confirm page, by way of the form."""
    form = (await browser.get("/device")).html
    return await browser.post("/device", form.press("device-continue", user_code=typed))


def shown(answer: Page) -> str:
    return answer.html.one("main")["data-page"]


async def test_the_page_asks_for_the_code(browser, signed_in):
    answer = await browser.get("/device")
    field = answer.html.by_id("user-code")
    assert (answer.status, shown(answer), field["value"]) == (200, "device", "")
    assert (field["autocapitalize"], field["autocomplete"]) == ("characters", "off")
    assert answer.policy["form-action"] == "'self'"


@pytest.mark.s(35)
async def test_a_link_with_a_code_fills_it_in_and_sends_nothing(browser, services, signed_in):
    answer = await browser.get("/device?user_code=WDJB-MJHT")
    assert (shown(answer), answer.html.by_id("user-code")["value"]) == ("device", "WDJB-MJHT")
    assert services.device.names() == []
    assert "script" not in answer.text
    assert "script-src" not in answer.policy
    assert "refresh" not in answer.text.lower()


@pytest.mark.parametrize("code", ["x" * 41, "%00"])
async def test_what_cannot_be_a_code_is_not_filled_in(browser, signed_in, code):
    answer = await browser.get(f"/device?user_code={code}")
    assert answer.status == 400 if code == "%00" else answer.html.by_id("user-code")["value"] == ""


async def test_the_code_of_a_link_is_escaped(browser, signed_in):
    answer = await browser.get("/device?user_code=%22%3E%3Cscript%3E")
    assert answer.html.by_id("user-code")["value"] == '"><script>'
    assert "<script>" not in answer.text


@pytest.mark.s(35)
@pytest.mark.parametrize("ago", [None, timedelta(minutes=5, seconds=1), timedelta(hours=7)])
async def test_only_who_has_just_signed_in_comes_to_the_code(browser, services, ago):
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    if ago is not None:
        services.signed_in(ago=ago)
    answer = await browser.get("/device?user_code=WDJB-MJHT")
    assert (answer.status, answer.location) == (303, "/device/sign-in?user_code=WDJB-MJHT")
    assert (await browser.get("/device")).location == "/device/sign-in"


@pytest.mark.s(35)
async def test_the_question_says_who_asks_for_what_from_where_and_since_when(browser, services, signed_in):
    services.device.says["FindUserCode"] = a_waiting_device(ago=timedelta(minutes=3, seconds=20))
    answer = await the_question(browser)
    text = answer.html.text
    assert (answer.status, shown(answer)) == (200, "device-confirm")
    assert "Connect Acme TV to your account?" in text
    assert "WDJB-MJHT" in text
    assert "3 minutes ago" in text
    assert "Not your current network (192.0.2.x)" in text
    assert "Did you request this code on a device that you have with you?" in text
    assert "See your profile" in text
    assert "Alice Ansel" in text
    asked = services.device.asked("FindUserCode")
    assert (asked.user_code, asked.user_id, asked.context.remote_address) == ("wdjb mjht", "user", "127.0.0.1")


@pytest.mark.s(35)
@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("127.0.0.0/24", "Your current network (127.0.0.x)"),
        ("2001:db8:1::/48", "Not your current network (2001:db8:1:…)"),
        ("", "Unknown network"),
        ("nonsense", "Unknown network"),
    ],
)
async def test_the_question_compares_the_networks(browser, services, signed_in, prefix, words):
    services.device.says["FindUserCode"] = a_waiting_device(requested_from=prefix)
    text = (await the_question(browser)).html.text
    assert words in text
    assert "just now" in text


@pytest.mark.s(35)
async def test_the_question_says_what_the_access_is_meant_for(browser, services, signed_in):
    services.device.says["FindUserCode"] = a_waiting_device(resources=["https://orders.example"])
    assert "will have access to orders.example" in " ".join((await the_question(browser)).html.text.split())


async def test_names_and_scopes_of_strangers_are_escaped(browser, services, signed_in):
    services.device.says["FindUserCode"] = a_waiting_device(client_name="<b>TV</b>", scopes=["<i>", "<i>"])
    answer = await the_question(browser)
    assert "<b>" not in answer.text
    assert answer.text.count("&lt;i&gt;") == 1


async def test_a_client_without_a_name_is_called_by_its_id(browser, services, signed_in):
    services.device.says["FindUserCode"] = a_waiting_device(client_name="")
    assert "Connect c_tv to your account?" in (await the_question(browser)).html.text


@pytest.mark.parametrize(
    ("button", "decision", "page"),
    [
        ("device-allow", DEVICE_DECISION_ALLOW, "/device/allowed"),
        ("device-deny", DEVICE_DECISION_DENY, "/device/denied"),
    ],
)
@pytest.mark.usefixtures("signed_in")
async def test_the_answer_is_passed_on_with_the_session_as_it_came(browser, services, button, decision, page):
    html = (await the_question(browser)).html
    answer = await browser.post(html.one("form")["action"], html.press(button))
    assert (answer.status, answer.location) == (303, page)
    sent = services.device.asked("DecideDeviceCode")
    assert (sent.user_code, sent.decision, sent.session) == ("WDJB-MJHT", decision, ATTESTED)
    done = await browser.get(page)
    assert (done.status, shown(done)) == (200, "device-done")


async def test_enter_does_not_allow_by_accident(browser, signed_in):
    """The first button of a form is the one that Enter presses: there is no field to press it in."""
    html = (await the_question(browser)).html
    assert {field["type"] for field in html.all("input")} == {"hidden"}
    assert not any("autofocus" in button for button in html.all("button"))


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [(UNKNOWN, 200, "valid or has expired"), (TOO_MANY, 429, "try again in 4 minutes")],
)
@pytest.mark.usefixtures("signed_in")
async def test_a_wrong_code_can_be_mended(browser, services, refusal, status, words):
    services.device.says["FindUserCode"] = refusal
    answer = await the_question(browser)
    assert (answer.status, shown(answer)) == (status, "device")
    assert words in answer.html.text
    assert answer.html.by_id("user-code")["aria-invalid"] == "true"
    assert answer.headers.get("Retry-After") == ("240" if status == 429 else None)


@pytest.mark.parametrize(("refusal", "status"), [(UNKNOWN, 200), (TOO_MANY, 429)])
async def test_a_decision_that_comes_too_late_leads_back_to_the_code(browser, services, signed_in, refusal, status):
    services.device.says["DecideDeviceCode"] = refusal
    html = (await the_question(browser)).html
    answer = await browser.post("/device/decision", html.press("device-allow"))
    assert (answer.status, shown(answer)) == (status, "device")


@pytest.mark.s(35, 55)
async def test_a_session_that_has_grown_old_meanwhile_signs_in_again(browser, services, signed_in):
    html = (await the_question(browser)).html
    services.device.says["DecideDeviceCode"] = NOT_FRESH
    answer = await browser.post("/device/decision", html.press("device-allow"))
    assert (answer.status, answer.location) == (303, "/device/sign-in?user_code=WDJB-MJHT")
    form = (await browser.get("/device")).html.press("device-continue", user_code="WDJB-MJHT")
    services.signed_in(ago=timedelta(minutes=6))
    answer = await browser.post("/device", form)
    assert (answer.status, answer.location) == (303, "/device/sign-in?user_code=WDJB-MJHT")
    assert services.device.names().count("FindUserCode") == 1


@pytest.mark.s(35, 55)
async def test_there_is_no_way_to_the_question_but_the_form(browser, services, signed_in):
    for path in ("/device/decision", "/device/decision?user_code=WDJB-MJHT", "/device/confirm?user_code=WDJB-MJHT"):
        assert (await browser.get(path)).status in {404, 405}
    assert services.device.names() == []


@pytest.mark.s(35, 37, 55)
@pytest.mark.parametrize("path", ["/device", "/device/decision", "/device/sign-in"])
async def test_no_form_is_taken_that_our_page_did_not_give(browser, services, signed_in, path):
    fields = {"user_code": "WDJB-MJHT", "choice": "allow", "username": "alice", "password": "pw", "csrf": "A" * 43}
    answer = await browser.post(path, fields)
    assert (answer.status, answer.html.one("main")["data-error"]) == (403, "access_denied")
    assert services.device.names() == []
    assert "SignIn" not in services.authentication.names()


@pytest.mark.s(37, 55)
async def test_the_token_of_one_form_opens_no_other(browser, services, signed_in):
    code = (await browser.get("/device?user_code=WDJB-MJHT")).html.hidden["csrf"]
    sign_in = (await browser.get("/device/sign-in?user_code=WDJB-MJHT")).html.hidden["csrf"]
    for token in (code, sign_in):
        fields = {"user_code": "WDJB-MJHT", "choice": "allow", "csrf": token}
        assert (await browser.post("/device/decision", fields)).status == 403
    assert services.device.names() == []


@pytest.mark.s(37)
async def test_the_question_is_about_one_code(browser, services, signed_in):
    html = (await the_question(browser)).html
    answer = await browser.post("/device/decision", html.press("device-allow") | {"user_code": "BBBB-BBBB"})
    assert answer.status == 403
    assert "DecideDeviceCode" not in services.device.names()


@pytest.mark.s(37, 38)
@pytest.mark.parametrize("cookie", ["latchkey-browser", "latchkey-session"])
async def test_the_question_is_for_one_browser_and_one_session(browser, services, signed_in, cookie):
    html = (await the_question(browser)).html
    browser.cookies[cookie] = new_secret()
    assert (await browser.post("/device/decision", html.press("device-allow"))).status == 403
    del browser.cookies["latchkey-browser"]
    assert (await browser.post("/device/decision", html.press("device-allow"))).status == 403
    assert "DecideDeviceCode" not in services.device.names()


async def test_a_form_without_a_decision_is_none(browser, services, signed_in):
    html = (await the_question(browser)).html
    answer = await browser.post("/device/decision", html.press("device-allow") | {"choice": "perhaps"})
    assert answer.status == 400
    assert "DecideDeviceCode" not in services.device.names()


async def test_signing_in_leads_back_to_the_code(browser, services):
    page = await browser.get("/device/sign-in?user_code=WDJB-MJHT")
    assert (page.status, shown(page)) == (200, "login")
    assert "to connect a device" in page.html.text
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password="pw"))
    assert (answer.status, answer.location) == (303, "/device?user_code=WDJB-MJHT")
    assert answer.cookies["latchkey-session"].value
    asked = services.authentication.asked("SignIn")
    assert (asked.username, asked.password, asked.context.client_id) == ("alice", "pw", "")
    assert services.token.names() == []


async def test_who_has_a_session_signs_in_again_as_themselves(browser, services, signed_in):
    page = await browser.get("/device/sign-in")
    assert page.html.by_id("username")["value"] == "alice"
    assert "Sign in again" in page.html.text
    page = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password="pw"))
    asked = services.authentication.asked("SignIn")
    assert asked.session_secret  # so that the old session ends


async def test_a_wrong_password_is_said_and_the_code_kept(browser, services):
    services.authentication.says["SignIn"] = WRONG
    page = await browser.get("/device/sign-in?user_code=WDJB-MJHT")
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password="no"))
    assert answer.html.has_id("login-error")
    assert answer.html.hidden["user_code"] == "WDJB-MJHT"
    assert "latchkey-session" not in answer.cookies
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password=""))
    assert "Please enter" in answer.html.text


async def test_signing_in_can_be_given_up(browser, services):
    page = await browser.get("/device/sign-in")
    answer = await browser.post("/device/sign-in", page.html.press("login-cancel", username="", password=""))
    assert (answer.status, answer.location) == (303, "/")
    assert "SignIn" not in services.authentication.names()


@pytest.mark.s(5)
@pytest.mark.parametrize("code", ["https://evil.example/", "//evil.example", "../evil", "a&request=b"])
async def test_after_signing_in_there_is_one_place_to_go(browser, code):
    page = await browser.get(f"/device/sign-in?user_code={code.replace('&', '%26')}")
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="a", password="b"))
    assert answer.location.partition("?")[0] == "/device"


async def test_what_else_fails_is_the_usual_error_page(browser, services, signed_in):
    services.device.says["FindUserCode"] = TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE, retry_after=2)
    answer = await the_question(browser)
    assert (answer.status, shown(answer)) == (503, "error")
    assert answer.html.by_id("try-again")["href"] == "/device"
    await services.device.stop()


@pytest.mark.s(47)
async def test_reading_the_pages_costs_one_call_and_deciding_two(browser, services, signed_in):
    form = (await browser.get("/device")).html.press("device-continue", user_code="WDJB-MJHT")
    assert services.authentication.names() == ["GetSession"]
    html = (await browser.post("/device", form)).html
    await browser.post("/device/decision", html.press("device-allow"))
    assert services.authentication.names() == ["GetSession"] * 3
    assert services.device.names() == ["FindUserCode", "DecideDeviceCode"]
    assert services.token.names() == []

"""The pages that connect a device."""

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
    """A session with a sign-in just now."""
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}


async def the_question(browser, *, typed: str = "wdjb mjht"):
    """Returns the confirmation page, through the form."""
    form = (await browser.get("/device")).html
    return await browser.post("/device", form.press("device-continue", user_code=typed))


def shown(answer: Page) -> str:
    return answer.html.one("main")["data-page"]


async def test_device_page_has_a_field_for_the_code(browser, signed_in):
    answer = await browser.get("/device")
    field = answer.html.by_id("user-code")
    assert (answer.status, shown(answer), field["value"]) == (200, "device", "")
    assert (field["autocapitalize"], field["autocomplete"]) == ("characters", "off")
    assert answer.policy["form-action"] == "'self'"


@pytest.mark.s(35)
async def test_device_link_fills_in_the_code_without_submitting(browser, services, signed_in):
    answer = await browser.get("/device?user_code=WDJB-MJHT")
    assert (shown(answer), answer.html.by_id("user-code")["value"]) == ("device", "WDJB-MJHT")
    assert services.device.names() == []
    assert "script" not in answer.text
    assert "script-src" not in answer.policy
    assert "refresh" not in answer.text.lower()


@pytest.mark.parametrize("code", ["x" * 41, "%00"])
async def test_device_link_with_malformed_code_fills_in_nothing(browser, signed_in, code):
    answer = await browser.get(f"/device?user_code={code}")
    assert answer.status == 400 if code == "%00" else answer.html.by_id("user-code")["value"] == ""


async def test_device_page_escapes_the_code(browser, signed_in):
    answer = await browser.get("/device?user_code=%22%3E%3Cscript%3E")
    assert answer.html.by_id("user-code")["value"] == '"><script>'
    assert "<script>" not in answer.text


@pytest.mark.s(35)
@pytest.mark.parametrize("ago", [None, timedelta(minutes=5, seconds=1), timedelta(hours=7)])
async def test_device_page_requires_a_fresh_sign_in(browser, services, ago):
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    if ago is not None:
        services.signed_in(ago=ago)
    answer = await browser.get("/device?user_code=WDJB-MJHT")
    assert (answer.status, answer.location) == (303, "/device/sign-in?user_code=WDJB-MJHT")
    assert (await browser.get("/device")).location == "/device/sign-in"


@pytest.mark.s(35)
async def test_device_confirmation_shows_client_scopes_network_and_time(browser, services, signed_in):
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
async def test_device_confirmation_compares_the_networks(browser, services, signed_in, prefix, words):
    services.device.says["FindUserCode"] = a_waiting_device(requested_from=prefix)
    text = (await the_question(browser)).html.text
    assert words in text
    assert "just now" in text


@pytest.mark.s(35)
async def test_device_confirmation_shows_resources(browser, services, signed_in):
    services.device.says["FindUserCode"] = a_waiting_device(resources=["https://orders.example"])
    assert "will have access to orders.example" in " ".join((await the_question(browser)).html.text.split())


async def test_device_confirmation_escapes_client_names_and_scopes(browser, services, signed_in):
    services.device.says["FindUserCode"] = a_waiting_device(client_name="<b>TV</b>", scopes=["<i>", "<i>"])
    answer = await the_question(browser)
    assert "<b>" not in answer.text
    assert answer.text.count("&lt;i&gt;") == 1


async def test_page_shows_the_client_id_when_the_client_has_no_name(browser, services, signed_in):
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
async def test_device_decision_is_sent_with_the_session(browser, services, button, decision, page):
    html = (await the_question(browser)).html
    answer = await browser.post(html.one("form")["action"], html.press(button))
    assert (answer.status, answer.location) == (303, page)
    sent = services.device.asked("DecideDeviceCode")
    assert (sent.user_code, sent.decision, sent.session) == ("WDJB-MJHT", decision, ATTESTED)
    done = await browser.get(page)
    assert (done.status, shown(done)) == (200, "device-done")


async def test_device_code_field_has_no_decision_button(browser, signed_in):
    """Enter presses the first button of a form; the confirmation has no field in which to press Enter."""
    html = (await the_question(browser)).html
    assert {field["type"] for field in html.all("input")} == {"hidden"}
    assert not any("autofocus" in button for button in html.all("button"))


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [(UNKNOWN, 200, "valid or has expired"), (TOO_MANY, 429, "try again in 4 minutes")],
)
@pytest.mark.usefixtures("signed_in")
async def test_wrong_device_code_shows_the_code_page_again(browser, services, refusal, status, words):
    services.device.says["FindUserCode"] = refusal
    answer = await the_question(browser)
    assert (answer.status, shown(answer)) == (status, "device")
    assert words in answer.html.text
    assert answer.html.by_id("user-code")["aria-invalid"] == "true"
    assert answer.headers.get("Retry-After") == ("240" if status == 429 else None)


@pytest.mark.parametrize(("refusal", "status"), [(UNKNOWN, 200), (TOO_MANY, 429)])
async def test_late_device_decision_shows_the_code_page_again(browser, services, signed_in, refusal, status):
    services.device.says["DecideDeviceCode"] = refusal
    html = (await the_question(browser)).html
    answer = await browser.post("/device/decision", html.press("device-allow"))
    assert (answer.status, shown(answer)) == (status, "device")


@pytest.mark.s(35, 55)
async def test_device_decision_redirects_to_sign_in_when_the_sign_in_is_too_old(browser, services, signed_in):
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
async def test_device_confirmation_is_not_reachable_by_get(browser, services, signed_in):
    for path in ("/device/decision", "/device/decision?user_code=WDJB-MJHT", "/device/confirm?user_code=WDJB-MJHT"):
        assert (await browser.get(path)).status in {404, 405}
    assert services.device.names() == []


@pytest.mark.s(35, 37, 55)
@pytest.mark.parametrize("path", ["/device", "/device/decision", "/device/sign-in"])
async def test_device_form_without_csrf_token_is_refused(browser, services, signed_in, path):
    fields = {"user_code": "WDJB-MJHT", "choice": "allow", "username": "alice", "password": "pw", "csrf": "A" * 43}
    answer = await browser.post(path, fields)
    assert (answer.status, answer.html.one("main")["data-error"]) == (403, "access_denied")
    assert services.device.names() == []
    assert "SignIn" not in services.authentication.names()


@pytest.mark.s(37, 55)
async def test_device_form_is_refused_with_token_of_another_form(browser, services, signed_in):
    code = (await browser.get("/device?user_code=WDJB-MJHT")).html.hidden["csrf"]
    sign_in = (await browser.get("/device/sign-in?user_code=WDJB-MJHT")).html.hidden["csrf"]
    for token in (code, sign_in):
        fields = {"user_code": "WDJB-MJHT", "choice": "allow", "csrf": token}
        assert (await browser.post("/device/decision", fields)).status == 403
    assert services.device.names() == []


@pytest.mark.s(37)
async def test_device_decision_is_refused_for_another_code(browser, services, signed_in):
    html = (await the_question(browser)).html
    answer = await browser.post("/device/decision", html.press("device-allow") | {"user_code": "BBBB-BBBB"})
    assert answer.status == 403
    assert "DecideDeviceCode" not in services.device.names()


@pytest.mark.s(37, 38)
@pytest.mark.parametrize("cookie", ["latchkey-browser", "latchkey-session"])
async def test_device_decision_is_refused_for_another_browser_or_session(browser, services, signed_in, cookie):
    html = (await the_question(browser)).html
    browser.cookies[cookie] = new_secret()
    assert (await browser.post("/device/decision", html.press("device-allow"))).status == 403
    del browser.cookies["latchkey-browser"]
    assert (await browser.post("/device/decision", html.press("device-allow"))).status == 403
    assert "DecideDeviceCode" not in services.device.names()


async def test_device_form_without_a_decision_is_refused(browser, services, signed_in):
    html = (await the_question(browser)).html
    answer = await browser.post("/device/decision", html.press("device-allow") | {"choice": "perhaps"})
    assert answer.status == 400
    assert "DecideDeviceCode" not in services.device.names()


async def test_device_sign_in_redirects_to_the_code_page(browser, services):
    page = await browser.get("/device/sign-in?user_code=WDJB-MJHT")
    assert (page.status, shown(page)) == (200, "login")
    assert "to connect a device" in page.html.text
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password="pw"))
    assert (answer.status, answer.location) == (303, "/device?user_code=WDJB-MJHT")
    assert answer.cookies["latchkey-session"].value
    asked = services.authentication.asked("SignIn")
    assert (asked.username, asked.password, asked.context.client_id) == ("alice", "pw", "")
    assert services.token.names() == []


async def test_device_sign_in_fills_in_the_username_of_the_session(browser, services, signed_in):
    page = await browser.get("/device/sign-in")
    assert page.html.by_id("username")["value"] == "alice"
    assert "Sign in again" in page.html.text
    page = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password="pw"))
    asked = services.authentication.asked("SignIn")
    assert asked.session_secret  # so that the old session ends


async def test_device_sign_in_keeps_the_code_after_a_wrong_password(browser, services):
    services.authentication.says["SignIn"] = WRONG
    page = await browser.get("/device/sign-in?user_code=WDJB-MJHT")
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password="no"))
    assert answer.html.has_id("login-error")
    assert answer.html.hidden["user_code"] == "WDJB-MJHT"
    assert "latchkey-session" not in answer.cookies
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="alice", password=""))
    assert "Please enter" in answer.html.text


async def test_device_sign_in_can_be_cancelled(browser, services):
    page = await browser.get("/device/sign-in")
    answer = await browser.post("/device/sign-in", page.html.press("login-cancel", username="", password=""))
    assert (answer.status, answer.location) == (303, "/")
    assert "SignIn" not in services.authentication.names()


@pytest.mark.s(5)
@pytest.mark.parametrize("code", ["https://evil.example/", "//evil.example", "../evil", "a&request=b"])
async def test_device_sign_in_redirects_to_the_device_page_only(browser, code):
    page = await browser.get(f"/device/sign-in?user_code={code.replace('&', '%26')}")
    answer = await browser.post("/device/sign-in", page.html.press("login-submit", username="a", password="b"))
    assert answer.location.partition("?")[0] == "/device"


async def test_device_page_shows_the_error_page_for_other_errors(browser, services, signed_in):
    services.device.says["FindUserCode"] = TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE, retry_after=2)
    answer = await the_question(browser)
    assert (answer.status, shown(answer)) == (503, "error")
    assert answer.html.by_id("try-again")["href"] == "/device"
    await services.device.stop()


@pytest.mark.s(47)
async def test_device_pages_make_one_call_and_decision_two(browser, services, signed_in):
    form = (await browser.get("/device")).html.press("device-continue", user_code="WDJB-MJHT")
    assert services.authentication.names() == ["GetSession"]
    html = (await browser.post("/device", form)).html
    await browser.post("/device/decision", html.press("device-allow"))
    assert services.authentication.names() == ["GetSession"] * 3
    assert services.device.names() == ["FindUserCode", "DecideDeviceCode"]
    assert services.token.names() == []

"""The pages for second factors, and sign-in with a passkey."""

import pytest

from latchkey.authentication.v1 import factors_pb2
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.fakes import PASSKEY_OPTIONS


@pytest.fixture(autouse=True)
def signed_in(browser, services) -> None:
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}


@pytest.fixture
def with_app(services) -> None:
    services.authentication.says["ListFactors"] = factors_pb2.ListFactorsResponse(
        factors=[factors_pb2.Factor(factor_id="f-1", kind=factors_pb2.FACTOR_KIND_TOTP)], recovery_codes_left=3
    )


@pytest.mark.s(49)
@pytest.mark.parametrize("path", ["/account/authenticator", "/account/passkey", "/account/recovery-codes"])
async def test_factor_pages_require_a_recent_sign_in(browser, services, path):
    services.authentication.says["GetSession"].signed_in_recently = False
    answer = await browser.get(path)
    assert (answer.status, answer.location) == (303, f"/account/sign-in?to={path.replace('/', '%2F')}")
    assert set(services.authentication.names()) == {"GetSession"}


async def test_authenticator_page_has_qr_code_and_key(browser, services):
    page = await browser.get("/account/authenticator")
    uri = page.html.by_id("totp-uri")["href"]
    assert uri == "otpauth://totp/Latchkey:alice?secret=ONZXG43TONZXG43TONZXG43TONZXG43T&issuer=Latchkey"
    assert "ONZX G43T ONZX" in page.html.text
    assert any(svg.get("class") == "qr" for svg in page.html.all("svg"))
    old = browser.cookies["latchkey-session"]
    answer = await browser.post("/account/authenticator", page.html.press("totp-submit", code="123456"))
    assert (answer.status, answer.location) == (303, "/account/recovery-codes")
    asked = services.authentication.asked("ConfirmTotp")
    assert (asked.code, asked.session_secret) == ("123456", old)
    assert browser.cookies["latchkey-session"] == services.authentication.says["ConfirmTotp"].session_secret


async def test_wrong_totp_code_keeps_the_same_qr_code(browser, services):
    page = await browser.get("/account/authenticator")
    services.authentication.says["ConfirmTotp"] = AccessDenied("x", reason=Reason.WRONG_PROOF)
    again = await browser.post("/account/authenticator", page.html.press("totp-submit", code="1"))
    assert again.html.by_id("totp-uri")["href"] == page.html.by_id("totp-uri")["href"]
    assert again.html.has_id("totp-error")


async def test_recovery_codes_are_only_in_the_response_to_the_form(browser, services, with_app):
    page = await browser.get("/account/recovery-codes")
    assert "aaaa-bbbb-cccc" not in page.text
    answer = await browser.post("/account/recovery-codes", page.html.press("recovery-create"))
    assert "aaaa-bbbb-cccc" in answer.html.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.html.by_id("recovery-done")["href"] == "/account"


@pytest.mark.s(37)
async def test_factor_form_is_refused_for_another_factor(browser, services, with_app):
    form = (await browser.get("/account")).html.press("remove-factor-f-1")
    assert (await browser.post("/account/factors", form | {"factor": "f-2"})).status == 403
    assert (await browser.post("/account/factors", form | {"csrf": ""})).status == 403
    assert "RemoveFactor" not in services.authentication.names()
    assert (await browser.post("/account/factors", form)).location == "/account?note=factor-removed"
    assert services.authentication.asked("RemoveFactor").factor_id == "f-1"


async def test_passkey_is_added_with_a_name(browser, services, with_app):
    page = await browser.get("/account/passkey")
    assert page.html.one("script")["src"].startswith("/assets/passkeys.")
    form = page.html.press("passkey-submit", name="My <key>") | {"credential": "{}"}
    answer = await browser.post("/account/passkey", form)
    assert (answer.status, answer.location) == (303, "/account")  # there are recovery codes
    asked = services.authentication.asked("AddPasskey")
    assert (asked.name, asked.passkey) == ("My <key>", "{}")
    services.authentication.says["AddPasskey"] = InvalidRequest("x", reason=Reason.PASSKEY_TAKEN)
    form = (await browser.get("/account/passkey")).html.press("passkey-submit", name="")
    assert (await browser.post("/account/passkey", form)).html.has_id("passkey-error")


@pytest.mark.s(38, 39)
async def test_passkey_sign_in_uses_a_challenge_of_this_browser(browser, services):
    services.authentication.says["StartPasskeySignIn"] = factors_pb2.StartPasskeySignInResponse(options=PASSKEY_OPTIONS)
    old = browser.cookies["latchkey-session"]
    page = await browser.get(f"/sign-in?request={services.request_id}")
    assert page.html.by_id("username")["autocomplete"] == "username webauthn"
    assert page.policy["script-src"] == "'self'"
    form = page.html.press("passkey-submit") | {"credential": "{}"}
    answer = await browser.post("/sign-in/passkey", form)
    assert (answer.status, answer.location) == (303, f"/authorize/resume?request={services.request_id}")
    asked, begun = (
        services.authentication.asked("SignInWithPasskey"),
        services.authentication.asked("StartPasskeySignIn"),
    )
    assert (asked.browser, asked.session_secret) == (begun.browser, old)
    assert browser.cookies["latchkey-browser"] not in asked.browser
    assert browser.cookies["latchkey-session"] != old


@pytest.mark.s(37)
async def test_passkey_form_is_refused_for_another_target(browser, services):
    services.authentication.says["StartPasskeySignIn"] = factors_pb2.StartPasskeySignInResponse(options=PASSKEY_OPTIONS)
    form = (await browser.get("/account/sign-in")).html.press("passkey-submit") | {"credential": "{}"}
    for changed in (form | {"csrf": ""}, form | {"to": "/account/passkey"}, form | {"request": services.request_id}):
        assert (await browser.post("/sign-in/passkey", changed)).status == 403
    assert "SignInWithPasskey" not in services.authentication.names()
    services.authentication.says["SignInWithPasskey"] = AccessDenied("x", reason=Reason.WRONG_PROOF)
    answer = await browser.post("/sign-in/passkey", form)
    assert answer.location == "/account/sign-in?to=%2Faccount&problem=passkey"
    assert (await browser.get(answer.location)).html.has_id("login-error")


@pytest.mark.parametrize("path", ["/account/sign-in", "/device/sign-in"])
async def test_pages_have_no_script_when_passkeys_are_off(browser, services, path):
    page = await browser.get(path)
    assert page.html.all("script") == []
    assert "script-src" not in page.policy
    assert page.html.by_id("username")["autocomplete"] == "username"

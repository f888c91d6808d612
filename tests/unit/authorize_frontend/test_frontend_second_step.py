"""The second step of a sign-in."""

import pytest

from latchkey.authentication.v1 import factors_pb2
from latchkey.authentication.v1.sessions_pb2 import SignInResponse
from latchkey.token.v1.authorization_pb2 import DECISION_DENY, INTERACTION_KIND_STEP_UP
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.fakes import PASSKEY_OPTIONS, FakeServices, a_response

TYPED = {"username": "alice", "password": "alice-password"}


@pytest.fixture
def half(browser, services: FakeServices) -> str:
    """A browser after a correct password; returns the path of the second step."""
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-attempt": new_secret()}
    return f"/second-step?request={services.request_id}"


@pytest.fixture
def with_passkey(services: FakeServices) -> None:
    services.authentication.says["GetSignInAttempt"] = factors_pb2.GetSignInAttemptResponse(
        username="alice",
        kinds=[factors_pb2.FACTOR_KIND_TOTP, factors_pb2.FACTOR_KIND_PASSKEY],
        passkey_options=PASSKEY_OPTIONS,
    )


@pytest.mark.parametrize(
    ("page", "target"),
    [
        ("/sign-in?request={request}", "/second-step?request={request}"),
        ("/account/sign-in?to=/account/password", "/second-step?to=%2Faccount%2Fpassword"),
        ("/device/sign-in?user_code=WDJB", "/second-step?user_code=WDJB"),
        ("/device/sign-in", "/second-step?user_code="),
    ],
)
async def test_sign_in_redirects_to_the_second_step_without_a_session(browser, services, page, target):
    browser.cookies = {"latchkey-browser": new_secret()}
    secret = new_secret()
    services.authentication.says["SignIn"] = SignInResponse(attempt_secret=secret)
    path = page.format(request=services.request_id)
    form = (await browser.get(path)).html.press("login-submit", **TYPED)
    answer = await browser.post(path.partition("?")[0], form)
    assert (answer.status, answer.location) == (303, target.format(request=services.request_id))
    assert browser.cookies["latchkey-attempt"] == secret
    assert "latchkey-session" not in browser.cookies


@pytest.mark.s(37)
@pytest.mark.parametrize(
    ("query", "after"),
    [
        ("request={request}", "/authorize/resume?request={request}"),
        ("to=/account/password", "/account/password"),
        ("to=//evil.example", "/account"),
        ("to=/logout", "/account"),
        ("request=javascript:x&to=/account", "/account"),
        ("user_code=WDJB", "/device?user_code=WDJB"),
        ("", "/account"),
    ],
)
async def test_second_step_sends_the_code_and_redirects_to_the_return_target(browser, services, half, query, after):
    attempt = browser.cookies["latchkey-attempt"]
    page = await browser.get("/second-step?" + query.format(request=services.request_id))
    assert page.html.by_id("totp-code")["autocomplete"] == "one-time-code"
    answer = await browser.post("/second-step", page.html.press("totp-submit", code=" 123 456 "))
    assert (answer.status, answer.location) == (303, after.format(request=services.request_id))
    asked = services.authentication.asked("ContinueSignIn")
    assert (asked.attempt_secret, asked.totp_code, asked.session_secret) == (attempt, "123 456", "")
    assert "latchkey-session" in browser.cookies
    assert "latchkey-attempt" not in browser.cookies


async def test_second_step_links_to_the_other_factors(browser, services, half, with_passkey):
    page = await browser.get(half)
    assert page.html.by_id("passkey-submit")
    assert page.policy["script-src"] == "'self'"
    assert page.html.has_id("way-totp")
    assert not page.html.has_id("way-recovery")
    page = await browser.get(page.html.by_id("way-totp")["href"])
    assert page.html.by_id("totp-code")
    assert "script-src" not in page.policy


async def test_second_step_sends_the_passkey_credential(browser, services, half, with_passkey):
    page = await browser.get(half)
    form = page.html.press("passkey-submit") | {"credential": '{"id": "x"}'}
    answer = await browser.post("/second-step", form)
    assert answer.status == 303, answer.text
    assert services.authentication.asked("ContinueSignIn").passkey == '{"id": "x"}'


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AccessDenied("x", reason=Reason.WRONG_PROOF), "valid or was already used"),
        (TemporarilyUnavailable("x", reason=Reason.SIGN_IN_THROTTLED, retry_after=90), "2 minutes"),
    ],
)
async def test_second_step_shows_the_problem(browser, services, half, error, words):
    form = (await browser.get(half)).html.press("totp-submit", code="000000")
    services.authentication.says["ContinueSignIn"] = error
    answer = await browser.post("/second-step", form)
    assert (answer.status, words in answer.html.text) == (200, True)
    assert answer.html.by_id("totp-code")["aria-invalid"] == "true"
    assert "latchkey-session" not in browser.cookies


async def test_second_step_links_to_sign_in_when_the_attempt_has_expired(browser, services, half):
    services.authentication.says["GetSignInAttempt"] = AccessDenied("x", reason=Reason.ATTEMPT_UNKNOWN)
    answer = await browser.get(half)
    assert answer.status == 403
    assert answer.html.by_id("try-again")["href"] == f"/authorize/resume?request={services.request_id}"


async def test_second_step_makes_no_call_without_an_attempt(browser, services, half):
    del browser.cookies["latchkey-attempt"]
    assert (await browser.get(half)).status == 403
    assert services.authentication.names() == []


@pytest.mark.s(37, 39)
@pytest.mark.parametrize("change", ["csrf", "attempt", "browser", "request", "session"])
async def test_second_step_form_is_refused_for_another_attempt_browser_or_request(browser, services, half, change):
    form = (await browser.get(half)).html.press("totp-submit", code="123456")
    if change == "csrf":
        form["csrf"] = "A" * 43
    elif change == "request":
        form["request"] = new_secret()
    else:
        browser.cookies[f"latchkey-{change}"] = new_secret()
    assert (await browser.post("/second-step", form)).status == 403
    assert "ContinueSignIn" not in services.authentication.names()


async def test_second_step_cancel_denies_the_request_and_deletes_the_attempt(browser, services, half):
    services.token.says["DecideAuthorization"] = a_response([("error", "access_denied")])
    form = (await browser.get(half)).html.press("second-step-cancel")
    answer = await browser.post("/second-step", form)
    assert answer.location.startswith("https://app.example/callback?error=access_denied")
    assert services.token.asked("DecideAuthorization").decision == DECISION_DENY
    assert "latchkey-attempt" not in browser.cookies
    assert "ContinueSignIn" not in services.authentication.names()


async def test_step_up_redirects_to_the_second_step_with_a_new_attempt(browser, services):
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    services.token.says["ResumeAuthorization"] = services.wants(INTERACTION_KIND_STEP_UP)
    answer = await browser.get(f"/authorize/resume?request={services.request_id}")
    assert answer.location == f"/step-up?request={services.request_id}"
    answer = await browser.get(answer.location)
    assert answer.location == f"/second-step?request={services.request_id}"
    assert browser.cookies["latchkey-attempt"] == services.authentication.says["StartStepUp"].attempt_secret


@pytest.mark.s(49)
async def test_step_up_without_factor_requires_a_recent_sign_in(browser, services):
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    services.authentication.says["StartStepUp"] = factors_pb2.StartStepUpResponse()
    services.signed_in()
    services.authentication.says["GetSession"].signed_in_recently = False
    answer = await browser.get(f"/step-up?request={services.request_id}")
    assert answer.location == f"/sign-in?request={services.request_id}"
    answer = await browser.get(f"/account/authenticator?request={services.request_id}")
    assert answer.location == f"/sign-in?request={services.request_id}"
    services.signed_in()
    page = await browser.get(f"/step-up?request={services.request_id}")
    assert page.html.by_id("step-up-authenticator")["href"].endswith(f"?request={services.request_id}")
    assert services.authentication.names().count("StartTotp") == 0

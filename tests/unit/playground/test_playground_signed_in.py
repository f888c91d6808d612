"""Actions of a signed-in user: refresh, userinfo and sign-out."""

from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider

FLOW = "authorization-code"
AFTER_SIGN_IN = {"refresh", "userinfo", "logout"}


async def test_buttons_that_need_a_user_wait_for_one(browser: Browser) -> None:
    await browser.open(browser.address)
    assert not AFTER_SIGN_IN & browser.can_press
    await browser.press(FLOW, "code")
    assert browser.can_press >= AFTER_SIGN_IN


async def test_refresh_uses_latest_refresh_token(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    for _ in range(2):
        await browser.press(FLOW, "refresh")
        assert browser.steps == ["refresh", "id-token"]
        assert browser.error is None
    first, second = (form["refresh_token"] for form in provider.token_requests[1:])
    assert first != second


async def test_refused_refresh_is_explained(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.token_refusal = (400, {"error": "invalid_grant"})
    await browser.press(FLOW, "refresh")
    assert browser.error == "invalid_grant"


async def test_a_refresh_may_not_turn_into_another_user(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.lie_in_id_token = lambda claims: claims.update(sub="mallory")
    await browser.press(FLOW, "refresh")
    assert browser.error == "wrong_subject"


async def test_userinfo_request_has_access_token(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "userinfo")
    assert browser.steps == ["userinfo"]
    assert browser.error is None
    assert "ada@example.com" in browser.text


async def test_userinfo_about_another_user_is_refused(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.lie_in_userinfo = lambda claims: claims.update(sub="mallory")
    await browser.press(FLOW, "userinfo")
    assert browser.error == "wrong_subject"


async def test_revoked_access_token_is_explained(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.issued.clear()
    await browser.press(FLOW, "userinfo")
    assert browser.error == "invalid_token"


async def test_signing_out_forgets_the_user_and_comes_back(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "logout")
    assert browser.steps == ["logout-request", "logout-response"]
    assert browser.error is None
    assert browser.signed_in_as is None
    assert not AFTER_SIGN_IN & browser.can_press


async def test_earlier_runs_stay_readable(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "userinfo")
    earlier = browser.page.split('href="/?run=')[2].split("#")[0]
    await browser.open(f"{browser.address}/?run={earlier}")
    assert browser.steps[0] == "discovery"


async def test_disabled_button_is_explained_when_pressed(browser: Browser) -> None:
    for button in AFTER_SIGN_IN:
        await browser.press(FLOW, button)
        assert browser.error == "no_token"

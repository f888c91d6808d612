"""What can be done once somebody is signed in: refresh, userinfo, sign out."""

from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider

FLOW = "authorization-code"
AFTER_SIGN_IN = {"refresh", "userinfo", "logout"}


async def test_buttons_that_need_a_person_wait_for_one(browser: Browser) -> None:
    await browser.open(browser.address)
    assert not AFTER_SIGN_IN & browser.can_press
    await browser.press(FLOW, "code")
    assert browser.can_press >= AFTER_SIGN_IN


async def test_each_refresh_uses_the_token_of_the_one_before(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    for _ in range(2):
        await browser.press(FLOW, "refresh")
        assert browser.steps == ["refresh", "id-token"]
        assert browser.error is None
    first, second = (form["refresh_token"] for form in provider.token_requests[1:])
    assert first != second


async def test_a_refresh_that_is_refused_is_explained(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.token_refusal = (400, {"error": "invalid_grant"})
    await browser.press(FLOW, "refresh")
    assert browser.error == "invalid_grant"


async def test_a_refresh_may_not_turn_into_another_person(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.lie_in_id_token = lambda claims: claims.update(sub="mallory")
    await browser.press(FLOW, "refresh")
    assert browser.error == "wrong_subject"


async def test_userinfo_is_asked_with_the_access_token(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "userinfo")
    assert browser.steps == ["userinfo"]
    assert browser.error is None
    assert "ada@example.com" in browser.text


async def test_userinfo_about_another_person_is_refused(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.lie_in_userinfo = lambda claims: claims.update(sub="mallory")
    await browser.press(FLOW, "userinfo")
    assert browser.error == "wrong_subject"


async def test_a_revoked_access_token_is_explained(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    provider.issued.clear()
    await browser.press(FLOW, "userinfo")
    assert browser.error == "invalid_token"


async def test_signing_out_forgets_the_person_and_comes_back(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "logout")
    assert browser.steps == ["logout-request", "logout-response"]
    assert browser.error is None
    assert browser.signed_in_as is None
    assert not AFTER_SIGN_IN & browser.can_press


async def test_earlier_runs_can_be_read_again(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "userinfo")
    earlier = browser.page.split('href="/?run=')[2].split("#")[0]
    await browser.open(f"{browser.address}/?run={earlier}")
    assert browser.steps[0] == "discovery"


async def test_pressing_a_button_that_waits_is_explained_too(browser: Browser) -> None:
    for button in AFTER_SIGN_IN:
        await browser.press(FLOW, button)
        assert browser.error == "no_token"

"""Sign-ins through the playground, against a provider that behaves and one that lies."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from deploy.playground.config import Playground
from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import ADA, Provider
from tests.unit.playground.running import SECRET

FLOW = "authorization-code"
WHOLE_SIGN_IN = [
    "discovery",
    "authorization-request",
    "authorization-response",
    "token",
    "jwks",
    "id-token",
    "userinfo",
]


async def test_sign_in_shows_every_step_and_the_user(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    assert browser.steps == WHOLE_SIGN_IN
    assert browser.error is None
    assert browser.signed_in_as == "Ada Lovelace (ada)"
    assert "nonce matches the request of this browser" in browser.text
    assert "expires in 9 min" in browser.text


async def test_user_is_signed_in_when_userinfo_fails(browser: Browser, provider: Provider) -> None:
    provider.lie_in_userinfo = lambda claims: claims.pop("sub")
    await browser.press(FLOW, "code")
    assert browser.error == "wrong_subject"
    assert browser.signed_in_as == ADA


async def test_request_has_state_nonce_and_code_challenge(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    (redeemed,) = provider.token_requests
    assert len(redeemed["code_verifier"]) >= 43
    for name in ("state", "nonce", "code_challenge", "code_challenge_method"):
        assert f"<dt>{name}</dt>" in browser.page


async def test_page_contains_no_secret(browser: Browser, provider: Provider) -> None:
    pages = []
    for button in ("code", "second", "refresh", "userinfo", "logout"):
        await browser.press(FLOW, button)
        pages.append(browser.page)
    await browser.press("client-credentials", "client-credentials")
    pages.append(browser.page)
    assert len(provider.issued) > 10
    for secret in {*provider.issued, SECRET}:
        assert not any(secret in page for page in pages)


async def test_second_application_has_own_sign_in(browser: Browser) -> None:
    await browser.press(FLOW, "code")
    await browser.press(FLOW, "second")
    assert browser.steps == WHOLE_SIGN_IN
    assert "at the web app and the second app" in browser.text


async def test_session_id_changes_after_sign_in(browser: Browser) -> None:
    await browser.open(browser.address)
    before = browser.client.cookies["latchkey-playground"]
    await browser.press(FLOW, "code")
    assert browser.client.cookies["latchkey-playground"] != before
    browser.client.cookies.set("latchkey-playground", before, domain="localhost.local")
    browser.client.cookies.clear()
    browser.client.cookies.set("latchkey-playground", before)
    await browser.open(browser.address)
    assert browser.signed_in_as is None


def replaced(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda answer: answer.update({name: value})


def in_seconds(name: str, seconds: int) -> Callable[[dict[str, Any]], object]:
    """Seen from when the token is made, not from when the tests were collected."""
    return lambda answer: answer.update({name: int(time.time()) + seconds})


def left_out(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda answer: answer.pop(name)


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        pytest.param(replaced("nonce", "another"), "invalid_claim", id="nonce of another sign-in"),
        pytest.param(left_out("nonce"), "missing_claim", id="no nonce"),
        pytest.param(replaced("aud", "another"), "invalid_claim", id="for another application"),
        pytest.param(replaced("iss", "http://evil.example"), "invalid_claim", id="by another issuer"),
        pytest.param(in_seconds("exp", -60), "expired_token", id="expired"),
        pytest.param(in_seconds("iat", 600), "invalid_claim", id="from the future"),
        pytest.param(left_out("sub"), "missing_claim", id="without sub"),
        pytest.param(replaced("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "invalid_claim", id="beside another access token"),
        pytest.param(replaced("azp", "another"), "invalid_claim", id="authorised for another"),
    ],
)
async def test_id_token_with_wrong_claims_is_refused(
    browser: Browser, provider: Provider, lie: Callable[[dict[str, Any]], object], error: str
) -> None:
    provider.lie_in_id_token = lie
    await browser.press(FLOW, "code")
    assert browser.error == error
    assert browser.steps[-1] == "id-token"
    assert browser.signed_in_as is None


async def test_id_token_with_unknown_key_is_refused(browser: Browser, provider: Provider) -> None:
    provider.signs_with_unknown_key = True
    await browser.press(FLOW, "code")
    assert browser.error == "bad_signature"
    assert browser.signed_in_as is None


async def test_id_token_without_public_key_signature_is_refused(browser: Browser, provider: Provider) -> None:
    provider.lie_in_metadata = replaced("id_token_signing_alg_values_supported", ["none", "HS256"])
    provider.signs_with_public_key = True
    await browser.press(FLOW, "code")
    assert browser.error == "unsupported_algorithm"
    assert browser.signed_in_as is None


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        pytest.param(replaced("iss", "http://evil.example"), "wrong_issuer", id="another issuer"),
        pytest.param(left_out("iss"), "wrong_issuer", id="no issuer although announced"),
        pytest.param(replaced("state", "forged"), "unknown_state", id="unknown state"),
        pytest.param(left_out("state"), "unknown_state", id="no state"),
        pytest.param(replaced("error", "access_denied"), "access_denied", id="refused"),
        pytest.param(left_out("code"), "invalid_request", id="no code"),
    ],
)
async def test_invalid_response_is_shown_and_not_used(
    browser: Browser, provider: Provider, lie: Callable[[dict[str, Any]], object], error: str
) -> None:
    provider.lie_in_answer = lie
    await browser.press(FLOW, "code")
    assert browser.error == error
    assert browser.steps[-1] == "authorization-response"
    assert provider.token_requests == []


async def test_repeated_response_is_used_once(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, "code")
    assert browser.answer
    came_back = next(str(each.url) for each in browser.answer.history if "/callback/" in str(each.url))
    await browser.open(came_back)
    assert browser.error == "unknown_state"
    assert len(provider.token_requests) == 1
    assert browser.signed_in_as == "Ada Lovelace (ada)"


async def test_response_for_another_browser_is_not_used(
    browser: Browser, playground: Playground, provider: Provider
) -> None:
    other_browser = Browser(playground.address)
    async with other_browser.client:
        started = await other_browser.client.post(f"{playground.address}/flows/{FLOW}/code", follow_redirects=False)
        answered = await other_browser.client.get(started.headers["location"], follow_redirects=False)
    await browser.open(answered.headers["location"])
    assert browser.error == "unknown_state"
    assert browser.signed_in_as is None
    assert provider.token_requests == []


async def test_refused_code_is_explained(browser: Browser, provider: Provider) -> None:
    provider.token_refusal = (400, {"error": "invalid_grant", "error_description": "the code is used"})
    await browser.press(FLOW, "code")
    assert browser.error == "invalid_grant"
    assert "the code is used" in browser.text
    assert "Try this: Start again with Sign in." in browser.text


async def test_discovery_document_of_other_issuer_is_refused(browser: Browser, provider: Provider) -> None:
    provider.lie_in_metadata = replaced("issuer", "http://evil.example")
    await browser.press(FLOW, "code")
    assert browser.error == "wrong_issuer"
    assert browser.steps == ["discovery"]


async def test_discovery_document_without_endpoint_is_refused(browser: Browser, provider: Provider) -> None:
    provider.lie_in_metadata = left_out("token_endpoint")
    await browser.press(FLOW, "code")
    assert browser.error == "incomplete_metadata"

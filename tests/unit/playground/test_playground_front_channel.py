"""Implicit, form post and hybrid: what comes through the browser itself, from a provider that behaves and one that lies."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.playground.config import Playground
from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider
from tests.unit.playground.running import SECRET

ASK = ["discovery", "authorization-request", "authorization-response"]
STEPS = {
    "implicit": [*ASK, "jwks", "id-token", "userinfo"],
    "form-post": [*ASK, "jwks", "id-token"],
    "hybrid": [*ASK, "jwks", "id-token", "token", "id-token", "comparison", "userinfo"],
}


async def sign_in(browser: Browser, flow: str) -> None:
    await browser.press(flow, flow)
    await (browser.answer_by_fragment() if flow == "implicit" else browser.answer_by_form())


@pytest.mark.parametrize("flow", STEPS)
async def test_sign_in_shows_every_step_and_the_user(browser: Browser, provider: Provider, flow: str) -> None:
    await sign_in(browser, flow)
    assert browser.error is None
    assert browser.steps == STEPS[flow]
    assert browser.signed_in_as == "Ada Lovelace (ada)"
    assert "nonce matches the request of this browser" in browser.text
    assert f"OpenID Connect Core, {'3.3.2.12' if flow == 'hybrid' else '3.2.2.11'}" in browser.text
    assert ("at_hash matches the access token" in browser.text) == (flow == "implicit")
    assert ("c_hash matches the code" in browser.text) == (flow == "hybrid")
    assert not any(secret in browser.page for secret in {*provider.issued, SECRET})


@pytest.mark.parametrize(("flow", "protected"), [("implicit", False), ("form-post", False), ("hybrid", True)])
async def test_request_has_code_challenge_when_response_has_a_code(
    browser: Browser, flow: str, *, protected: bool
) -> None:
    await sign_in(browser, flow)
    assert ("<dt>code_challenge</dt>" in browser.page) == protected
    assert ("<dt>response_mode</dt>" in browser.page) == (flow != "implicit")


async def test_header_counts_signed_in_applications(browser: Browser) -> None:
    for flow in STEPS:
        await sign_in(browser, flow)
    assert "Signed in as Ada Lovelace (ada) at 3 applications" in browser.text
    assert 'title="implicit app, form-post app, hybrid app"' in browser.page


async def test_the_user_can_sign_out_whichever_flow_it_was(browser: Browser) -> None:
    await browser.open(browser.address)
    assert "logout" not in browser.can_press
    await sign_in(browser, "form-post")
    assert "logout" in browser.can_press
    await browser.press("authorization-code", "logout")
    assert browser.error is None
    assert browser.signed_in_as is None


def replaced(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda claims: claims.update({name: value})


def left_out(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda claims: claims.pop(name, None)


ANOTHER = "AAAAAAAAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(
    ("flow", "lie", "error"),
    [
        ("implicit", replaced("at_hash", ANOTHER), "invalid_claim"),
        ("implicit", left_out("at_hash"), "missing_claim"),
        ("implicit", replaced("nonce", "another"), "invalid_claim"),
        ("implicit", left_out("nonce"), "missing_claim"),
        ("form-post", replaced("nonce", "another"), "invalid_claim"),
        ("form-post", left_out("nonce"), "missing_claim"),
        ("form-post", replaced("aud", "another"), "invalid_claim"),
        ("hybrid", replaced("c_hash", ANOTHER), "invalid_claim"),
        ("hybrid", left_out("c_hash"), "missing_claim"),
        ("hybrid", replaced("nonce", "another"), "invalid_claim"),
    ],
)
async def test_id_token_with_wrong_hashes_is_refused(
    browser: Browser, provider: Provider, flow: str, lie: Callable[[dict[str, Any]], object], error: str
) -> None:
    provider.lie_in_id_token = lie
    await sign_in(browser, flow)
    assert browser.error == error
    assert browser.signed_in_as is None
    assert provider.token_requests == []  # no code is shown before the ID token is verified


@pytest.mark.parametrize("flow", STEPS)
async def test_unsigned_id_token_is_refused(browser: Browser, provider: Provider, flow: str) -> None:
    provider.signs_with_unknown_key = True
    await sign_in(browser, flow)
    assert browser.error == "bad_signature"
    assert browser.signed_in_as is None


async def test_the_second_id_token_must_be_about_the_same_user(browser: Browser, provider: Provider) -> None:
    def another_user_the_second_time(claims: dict[str, Any]) -> None:
        if "c_hash" not in claims:
            claims["sub"] = "eve-0001"

    provider.lie_in_id_token = another_user_the_second_time
    await sign_in(browser, "hybrid")
    assert browser.error == "wrong_subject"
    assert browser.signed_in_as is None


@pytest.mark.parametrize("flow", STEPS)
@pytest.mark.parametrize(
    ("lie", "error"),
    [
        (replaced("iss", "http://evil.example"), "wrong_issuer"),
        (left_out("iss"), "wrong_issuer"),
        (replaced("state", "forged"), "unknown_state"),
        (replaced("error", "access_denied"), "access_denied"),
        (left_out("id_token"), "invalid_request"),
    ],
)
async def test_invalid_response_is_shown_and_not_used(
    browser: Browser, provider: Provider, flow: str, lie: Callable[[dict[str, Any]], object], error: str
) -> None:
    provider.lie_in_answer = lie
    await sign_in(browser, flow)
    assert browser.error == error
    assert browser.steps[-1] == "authorization-response"
    assert browser.signed_in_as is None
    assert provider.token_requests == []


async def test_response_for_another_browser_is_not_used(browser: Browser, playground: Playground) -> None:
    other_browser = Browser(playground.address)
    async with other_browser.client:
        await other_browser.press("form-post", "form-post")
        browser.answer = other_browser.answer
    await browser.answer_by_form()
    assert browser.error == "unknown_state"
    assert browser.signed_in_as is None


async def test_fragment_post_from_other_origin_is_refused(playground: Playground, browser: Browser) -> None:
    path = f"{playground.address}/callback/implicit"
    answer = await browser.client.post(path, data={"state": "x"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_fragment_page_explains_why_it_needs_a_script(browser: Browser) -> None:
    await browser.open(f"{browser.address}/callback/implicit")
    assert '<div id="no-script">' in browser.page
    assert "Browsers do not send it to servers" in browser.text
    assert browser.answer
    assert browser.answer.headers["cache-control"] == "no-store"

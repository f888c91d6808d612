"""Modules with two authorization requests in one browser."""

import pytest

from tests.flows.conformance.suite import EVERY, Suite, Variant, random_string, variants
from tests.support.browser import Browser
from tests.support.stack import Stack


@pytest.fixture
async def suite(system: Stack, browser: Browser, variant: Variant) -> Suite:
    """With a logout URI, so that ID tokens contain `sid`."""
    return await Suite.begin(system, browser, variant, post_logout_redirect_uris=["https://suite.example/signed-out"])


@pytest.mark.conformance("oidcc-prompt-none-not-logged-in")
@variants(*EVERY)
async def test_prompt_none_gets_login_required_without_a_session(suite: Suite) -> None:
    page = await suite.ask(prompt="none", state=random_string(122) + "-._~-.")
    assert suite.error(page) == "login_required"


@pytest.mark.conformance("oidcc-prompt-none-logged-in")
@variants(*EVERY)
async def test_prompt_none_returns_a_code_with_a_session(suite: Suite) -> None:
    first = await suite.claims(await suite.authorize())
    answer = suite.answer(await suite.ask(prompt="none"))
    second = await suite.claims(answer)
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


@pytest.mark.conformance("oidcc-id-token-hint")
@variants(*EVERY)
async def test_prompt_none_with_id_token_hint_returns_the_same_user(suite: Suite) -> None:
    answer = await suite.authorize()
    hint = answer.get("id_token") or (await suite.redeem(answer["code"]))["id_token"]
    first = await suite.id_token(hint)
    second = await suite.claims(suite.answer(await suite.ask(prompt="none", id_token_hint=hint)))
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


@pytest.mark.conformance("oidcc-prompt-login")
@variants(*EVERY)
async def test_prompt_login_requires_a_new_sign_in(suite: Suite) -> None:
    first = await suite.claims(await suite.authorize())
    page = await suite.ask(prompt="login")
    assert page.name == "login"
    second = await suite.claims(suite.answer(await suite.answer_pages(page)))
    assert second["sub"] == first["sub"]
    assert second["sid"] != first["sid"]  # auth_time has a resolution of one second
    assert second["auth_time"] >= first["auth_time"]


@pytest.mark.conformance("oidcc-max-age-1")
@variants(*EVERY)
async def test_max_age_requires_a_new_sign_in_when_exceeded(suite: Suite) -> None:
    """Uses max_age 0 instead of 1 to avoid a wait; tests/storage/token/test_authorize.py moves the clock."""
    first = await suite.claims(await suite.authorize())
    page = await suite.ask(max_age="0")
    assert page.name == "login"
    second = await suite.claims(suite.answer(await suite.answer_pages(page)))
    assert second["sid"] != first["sid"]
    assert second["auth_time"] >= first["auth_time"]


@pytest.mark.conformance("oidcc-max-age-10000")
@variants(*EVERY)
async def test_max_age_keeps_a_recent_sign_in(suite: Suite) -> None:
    first = await suite.claims(await suite.authorize(max_age="15000"))
    second = await suite.claims(suite.answer(await suite.ask(max_age="10000")))
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])
